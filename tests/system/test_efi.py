# SPDX-License-Identifier: Apache-2.0
# pylint: disable=protected-access  # the flash and the debugger are files in the machine's folder
"""dom0 on EFI: its variables through the hypervisor, and firmware that faults. The tests run in this order, on one machine."""

import re
import socket

import pytest

HYPERVISOR_ALONE = True

MACHINE = {"door": "uefi", "unpacked_kernel": False}
VARIABLES = "/sys/firmware/efi/efivars"
OURS = f"{VARIABLES}/LabTest-11223344-5566-7788-99aa-bbccddeeff00"


@pytest.fixture(name="efi")
def fixture_efi(dom0):
    """dom0 with efivarfs mounted."""
    dom0.out(f"mountpoint -q {VARIABLES} || {{ modprobe efivarfs; mount -t efivarfs efivarfs {VARIABLES}; }}")
    return dom0


def test_linux_finds_efi(efi):
    assert "Registered efivars operations" in efi.out("dmesg")
    assert efi.out("cat /sys/firmware/efi/fw_platform_size").strip() == "64"
    assert "ACPI20=" in efi.out("cat /sys/firmware/efi/systab")


def test_variables_are_listed_and_read(efi):
    names = efi.out(f"ls {VARIABLES}").split()
    assert any(name.startswith("BootOrder-") for name in names) and len(names) > 10
    order = efi.out(f"od -An -tx2 {VARIABLES}/BootOrder-*").split()
    assert order[:2] == ["0007", "0000"] and len(order) > 2


def test_variable_is_written_and_lasts(efi):
    efi.out(f"printf '\\007\\000\\000\\000remember me' > {OURS}")
    assert efi.out(f"cat {OURS} | tail -c +5") == "remember me"
    # It is in the flash, so the next boot finds it.
    assert b"remember me" in (efi.machine._work / "vars.fd").read_bytes()
    efi.out(f"chattr -i {OURS}; rm {OURS}")
    efi.fails(f"cat {OURS}")


def poke(machine, address, data):
    """Writes physical memory through QEMU's debugger stub, with the machine stopped meanwhile."""
    path = str(machine._work / "gdb")
    machine.monitor(f"gdbserver unix:{path},server=on,wait=off")
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(60)
        link.connect(path)

        def ask(text):
            link.sendall(f"${text}#{sum(text.encode()) & 255:02x}".encode())
            answer = b""
            while not (packets := re.findall(rb"\$([^T#][^#]*)#..", answer)):  # T: that it has stopped
                answer += link.recv(4096)
            link.sendall(b"+")
            return packets[0]

        assert ask("Qqemu.PhyMemMode:1") == b"OK"
        assert ask(f"M{address:x},{len(data):x}:{data.hex()}") == b"OK"
        ask("D")


def test_faulting_firmware_is_reported_and_left_alone(efi):
    if efi.machine.settings.hypervisor == "xen":
        pytest.skip("Xen ends with the firmware")
    at = re.search(r"GetVariable at ([0-9a-f]+)", efi.out("xl dmesg"))
    poke(efi.machine, int(at.group(1), 16), b"\x0f\x0b")  # an invalid instruction
    efi.fails(f"cat {VARIABLES}/BootOrder-*")
    log = efi.out("xl dmesg")
    assert "the firmware's runtime services have faulted: vector 6" in log
    efi.fails(f"cat {VARIABLES}/BootOrder-*")
    assert efi.out("xl dmesg").count("have faulted") == 1
    assert "Domain-0" in efi.out("xl list")
