# SPDX-License-Identifier: Apache-2.0
"""32-bit programs under 64-bit kernels: in dom0 and in a guest, by the doors that AMD's and Intel's CPUs have."""

import re
from pathlib import Path

import pytest

from dom0 import Dom0

HYPERVISOR_ALONE = True

PROGRAM = Path(__file__).resolve().parents[2] / "build/programs/ia32"
# Signals that the program gets where the kernel has no such door: SIGILL or SIGSEGV.
NO_DOOR = {"4", "11"}


def check(said, syscall, sysenter):
    """Every promise is kept, and the doors are those of the CPU's maker."""
    assert "ia32: all well" in said and "bad " not in said, said
    doors = dict(re.findall(r"^door (\w+) (\d+)", said, re.M))
    assert doors["vdso"] == "0" and doors["syscall"] in syscall and doors["sysenter"] in sysenter, doors


def run_in_dom0(machine):
    machine.put("/root/ia32", PROGRAM.read_bytes())
    return machine.run("chmod +x /root/ia32; timeout 100 /root/ia32", 120).output


def test_dom0(machine):
    check(run_in_dom0(machine), {"0"}, NO_DOOR)


def test_guest(dom0):
    """The program comes in a further part of the guest's initramfs."""
    dom0.machine.put("/root/ia32", PROGRAM.read_bytes())
    dom0.out(
        "cd /root; chmod +x ia32; (cat /boot/guest.cpio.gz; echo ia32 | busybox cpio -o -H newc 2>/dev/null | gzip -1) > ia32.cpio.gz"
    )
    guest = dom0.guest(command="/ia32", end="poweroff", ramdisk='"/root/ia32.cpio.gz"', on_poweroff='"preserve"')
    check(guest.wait("GUEST-STATUS 0", 120).replace("\r", ""), {"0"}, NO_DOOR)


@pytest.fixture(name="intel")
def fixture_intel(cell):
    if cell.hypervisor != "proxenos":
        pytest.skip("SYSENTER double-faults the reference under this emulator")
    machine = cell.machine("intel", qemu_args=["-cpu", "max,-smap,-rdtscp,vendor=GenuineIntel"])
    yield machine
    machine.stop()


def test_intel(intel):
    """SYSENTER is for Intel's CPUs; their compatibility mode has no SYSCALL, but the emulator's has."""
    check(run_in_dom0(intel), NO_DOOR, {"0"})
    dom0 = Dom0(intel)
    assert "GenuineIntel" in dom0.out("grep -m1 vendor_id /proc/cpuinfo")
