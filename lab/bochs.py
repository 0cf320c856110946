# SPDX-License-Identifier: Apache-2.0
"""Machines in Bochs, for micro guests: an Intel CPU with what QEMU's TCG lacks (x2APIC, TSC-deadline timer, SMAP that works,
PCID, RDTSCP, XSAVES). About 22 million instructions per second, so nothing larger than a micro guest."""

import re
import shutil
import tempfile
import time
from pathlib import Path

import pexpect

from lab import emulators, images, media, qemu
from lab.host import LOGS, die_with_parent

# The machine has nothing to say after this: it resets, and Bochs would start it anew.
END = re.compile(r"rebooting machine|Reboot in five seconds|Manual reset required|Xen BUG at")
CONFIGURATION = """\
cpu: model=corei7_skylake_x, count={cpus}, ips=50000000, reset_on_triple_fault=0
memory: guest={memory}, host={memory}
romimage: file={share}/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
display_library: term
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={serial}
log: {work}/log
panic: action=fatal
error: action=ignore
info: action=ignore
clock: sync=none
"""


def configuration(machine, work, iso, serial, share):
    """The configuration file's text; `serial` gets what COM1 says; `share` has the BIOS."""
    return CONFIGURATION.format(
        cpus=machine.cpus, memory=machine.memory, work=work, iso=iso, serial=serial, share=share
    )


def _serial(path):
    return path.read_text(errors="replace") if path.exists() else ""


def run_micro(machine, timeout):
    """Boot a micro guest as dom0, by GRUB and multiboot1, until the machine resets: (ended by itself, 0, what COM1 said)."""
    emulator = emulators.find(machine.emulator)
    work = Path(tempfile.mkdtemp(prefix="proxenos-"))
    LOGS.mkdir(parents=True, exist_ok=True)
    serial = LOGS / f"{machine.name}.log"
    serial.unlink(missing_ok=True)
    try:
        iso = media.iso(
            "multiboot",
            work,
            images.hypervisor(machine.hypervisor),
            qemu.hypervisor_arguments(machine),
            qemu.modules(machine, work),
        )
        (work / "bochsrc").write_text(configuration(machine, work, iso, serial, emulator.share))
        (work / "commands").write_text("c\n")  # the package has the debugger built in: it waits for this
        # The display wants a terminal.
        program, *words = emulator.words
        child = pexpect.spawn(
            program,
            [*words, "-q", "-f", f"{work}/bochsrc", "-rc", f"{work}/commands"],
            encoding="latin-1",
            env={"TERM": "vt100", "PATH": "/usr/bin:/bin"},
            preexec_fn=die_with_parent,
        )
        end = time.monotonic() + timeout
        ended = False
        while not ended and time.monotonic() < end:
            ended = child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=0.3) == 0 or bool(END.search(_serial(serial)))
        child.close(force=True)
        return ended, 0, _serial(serial)
    finally:
        shutil.rmtree(work, ignore_errors=True)
