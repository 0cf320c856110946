# SPDX-License-Identifier: Apache-2.0
"""QEMU's command line for a machine's settings. Nothing is started here."""

import os
import shutil

from lab import emulators, images, media, settings as kinds
from lab.host import LabError

OVMF = ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd")


def hypervisor_arguments(machine):
    """The hypervisor's command line: console on COM1, everything logged, dom0's memory fixed."""
    common = f"console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all dom0_mem={machine.dom0_memory}M,max:{machine.dom0_memory}M"
    common += " bootscrub=0"  # scrubbing would only touch all of QEMU's memory
    if machine.hypervisor == "xen":
        common += " spec-ctrl=eager-fpu"  # lazy FPU switching corrupts guests under this emulator
    return f"{common} {machine.hypervisor_args}".strip()


def kernel_arguments(machine):
    """dom0's command line."""
    words = ["console=hvc0" if machine.hypervisor != "none" else "console=ttyS0", "quiet"]
    words += ["lab.demo=1"] if machine.demo else []
    return " ".join([*words, machine.kernel_args]).strip()


def modules(machine, work):
    """What the hypervisor is given to start: [(file, command line)]."""
    if machine.micro_guest:
        return [(machine.micro_guest, machine.kernel_args)]
    return [(images.dom0_kernel(machine), kernel_arguments(machine)), (images.initrd(machine, work), "")]


def _boot(machine, work):
    """The options that bring the first code into the machine."""
    parts = modules(machine, work)
    if machine.hypervisor == "none":
        (kernel, text), (initrd, _) = parts
        return ["-kernel", kernel, "-append", text, "-initrd", initrd]
    hypervisor = images.hypervisor(machine.hypervisor)
    if machine.door == "kernel":
        for path, _ in parts:
            if "," in str(path):
                raise LabError(f"QEMU cannot take a comma in a module's name: {path}")
        return [
            "-kernel",
            hypervisor,
            "-append",
            hypervisor_arguments(machine),
            "-initrd",
            ",".join(f"{path} {text}".strip() for path, text in parts),
        ]
    iso = media.iso(machine.door, work, hypervisor, hypervisor_arguments(machine), parts)
    options = ["-cdrom", iso, "-boot", "d"]
    if machine.door == "uefi":
        shutil.copy(OVMF[1], work / "vars.fd")
        options += [
            "-drive",
            f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF[0]}",
            "-drive",
            f"if=pflash,unit=1,format=raw,file={work}/vars.fd",
        ]
    return options


def _devices(machine):
    options = []
    nics = [nic for nic in machine.nics if nic != "none"]
    for number, nic in enumerate(nics):
        options += ["-netdev", f"user,id=net{number}", "-device", f"{kinds.NICS[nic]},netdev=net{number}"]
    if not nics:
        options += ["-nic", "none"]
    for number, (bus, path) in enumerate(kinds.disks(machine)):
        form = "qcow2" if path.endswith(".qcow2") else "raw"
        device = "virtio-blk-pci" if bus == "virtio" else f"ide-hd,bus=ide.{number}"
        options += [
            "-drive",
            f"file={path},if=none,id=disk{number},format={form}",
            "-device",
            f"{device},drive=disk{number}",
        ]
    return options


def _timing(machine):
    if machine.icount:
        return [
            "-accel",
            "tcg",
            "-icount",
            "shift=0,sleep=off",
            "-seed",
            "1",
            "-rtc",
            "base=2026-01-01T00:00:00,clock=vm",
        ]
    # One thread per CPU only while the host has a core for each: spinning on a CPU that is not scheduled costs far more
    # than taking turns in one thread.
    threads = machine.threads or ("multi" if machine.cpus <= len(os.sched_getaffinity(0)) else "single")
    return ["-accel", f"tcg,thread={threads}"]


def _memory(machine, memory):
    """Memory in a file: written to ("make") or mapped privately, so that what is written stays this machine's own."""
    if memory is None:
        return []
    path, share = memory
    return [
        "-object",
        f"memory-backend-file,id=ram,size={machine.memory}M,mem-path={path},share={'on' if share else 'off'}",
    ]


def hardware(machine, work, interactive, log, memory=None):
    """The machine without what boots in it. COM1 is the console (standard input and output); the agent's
    line is a virtio port, in a slot that moves no other device."""
    console = f"stdio,id=com1,signal=off,logfile={log},logappend=on" + (",mux=on" if interactive else "")
    emulator = emulators.find(machine.emulator)
    parts = [
        *emulator.words,
        *_timing(machine),
        "-machine",
        "q35" + (",memory-backend=ram" if memory else ""),
        *_memory(machine, memory),
        "-cpu",
        emulator.cpu,
        "-smp",
        machine.cpus,
        "-m",
        machine.memory,
        "-display",
        "none",
        "-no-reboot",
        "-nodefaults",
        "-chardev",
        console,
        "-serial",
        "chardev:com1",
        "-chardev",
        f"socket,id=agent,path={work}/agent,server=on,wait=off",
        "-device",
        "virtio-serial-pci,addr=1d,max_ports=2",
        "-device",
        "virtserialport,chardev=agent,name=lab.agent",
        "-chardev",
        f"socket,id=hmp,path={work}/monitor,server=on,wait=off",
        "-mon",
        "chardev=hmp,mode=readline",
        "-chardev",
        f"socket,id=qmp,path={work}/qmp,server=on,wait=off",
        "-mon",
        "chardev=qmp,mode=control",
    ]
    if interactive:
        parts += ["-echr", "20", "-mon", "chardev=com1,mode=readline"]
    if machine.gdb:
        parts += ["-gdb", f"tcp::{machine.gdb}", "-S"]
    parts += ["-vga", "std"] if machine.door != "kernel" else []
    return [str(part) for part in [*parts, *_devices(machine), *machine.qemu_args]]


def command(machine, work, interactive, log, memory=None):
    """The whole command line of a machine that boots."""
    return [*hardware(machine, work, interactive, log, memory), *map(str, _boot(machine, work))]


def clone_command(machine, work, interactive, log, ram):
    """The command line of a machine that goes on where a template stood. The kernel is named for the sake of its option ROM
    alone, which is part of the state; nobody reads it."""
    kernel = images.dom0_kernel(machine) if machine.hypervisor == "none" else images.hypervisor(machine.hypervisor)
    words = hardware(machine, work, interactive, log, (ram, False))
    return [*words, "-kernel", str(kernel), "-incoming", "defer", "-S"]
