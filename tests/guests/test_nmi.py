# SPDX-License-Identifier: Apache-2.0
"""An NMI at the instructions of the entry code where it is most in the way: the machine is stopped at each, by the protocol
of GDB, an NMI made, and it is seen to come there; afterwards the guest still finds everything as it left it."""

import re
import subprocess
from functools import cache

import pytest

from lab.gdb import Gdb
from lab.host import BUILD
from machines import micro_machine

DEBUG, NMI, PAGE_FAULT, MACHINE_CHECK = 1, 2, 14, 18
STUB_BYTES = 16
SYSRETQ = b"\x48\x0f\x07"
LOAD_CR3 = b"\x0f\x22\xd8"  # of rax
USER_CODE = 0x400000  # lib/user.hpp
SAVES_RSP = 7  # bytes of the SYSCALL stub's first instruction
FOUND_IN_PASSING = "0xb1000000000000c0 0x5 0 0"  # bank 5 of mce: valid, uncorrected, enabled, signalled; scrubbing


@pytest.fixture(autouse=True)
def fixture_ours_only(request):
    if request.config.getoption("--hypervisor") == "xen":
        pytest.skip("stops at our instructions")


@cache
def symbols():
    """{name: address} of the image."""
    said = subprocess.run(
        ["nm", BUILD / "hypervisor/proxenos.debug"], capture_output=True, text=True, check=True
    ).stdout
    return {name: int(address, 16) for address, name in re.findall(r"^([0-9a-f]{16}) \w (px_\w+)$", said, re.M)}


def stub(vector):
    """First instruction of an exception's way in."""
    return symbols()["px_vector_stubs"] + vector * STUB_BYTES


def found(gdb, instruction, start, end):
    """Address of an instruction between two symbols."""
    first = symbols()[start]
    at = gdb.bytes(first, symbols()[end] - first).find(instruction)
    assert at >= 0
    return first + at


def windows(gdb, isolated):
    """{name: (address, ring that is interrupted there or None)} for the awkward places."""
    s = symbols()
    way = "px_xpti_way_out" if isolated else "px_way_out"
    places = {
        "SYSCALL, on the guest's stack": (s["px_syscall_stubs"], None),
        "SYSCALL, before the stack is loaded": (s["px_syscall_stubs"] + SAVES_RSP, None),
        "after the last look": (s[f"{way}_start"], None),
        "the IRET to the guest": (s["px_xpti_iret" if isolated else "px_guest_iret"], None),
        "that IRET has failed": (stub(PAGE_FAULT), 0),
        "SYSRET, on the guest's stack": (found(gdb, SYSRETQ, f"{way}_start", f"{way}_end"), None),
        "a debug exception of the guest": (stub(DEBUG), 3),
        "a debug exception of the hypervisor": (stub(DEBUG), 0),
    }
    if isolated:
        places["SYSCALL, before CR3 is loaded"] = (s["px_xpti_syscall64"], None)
        at = found(gdb, LOAD_CR3, f"{way}_start", f"{way}_end")
        places["the guest's CR3 is loaded"] = (at + len(LOAD_CR3), None)
    return places


def run_to(gdb, name, address, ring):
    """To the address, at the first instruction of an exception to one that came from this ring."""
    for _ in range(200):
        gdb.run_to(address)
        rip, rsp = gdb.registers()
        assert rip == address
        if ring is None:
            return
        code = 1 if address != stub(PAGE_FAULT) else 2  # words before CS: an error code, the address
        if gdb.words(rsp, 3)[code] & 3 == ring:
            return
    raise AssertionError(f"{name}: none from ring {ring}")


def check_nmi_comes_here(machine, gdb):
    """An NMI, taken before the instruction that is next."""
    here, _ = gdb.registers()
    machine.monitor("nmi")
    gdb.run_to(stub(NMI))
    _, rsp = gdb.registers()
    rip, selector = gdb.words(rsp, 2)
    assert (rip, selector & 3) == (here, 0)


def check_it_goes_on(machine, gdb):
    """The guest says so anew."""
    before = int(re.findall(r"rounds (\d+)", machine.serial())[-1])
    gdb.go_on()
    while int(machine.expect_console(r"MICRO-OBSERVE rounds (\d+)\D")[1]) <= before:
        pass
    gdb.stop()


@pytest.mark.parametrize("option", ["xpti=off", "xpti=on"])
def test_nmi_in_every_window(option, tmp_path):
    with micro_machine(f"nmi-{option}", "goes_round_and_round", hypervisor_args=option) as machine:
        machine.expect_console(r"MICRO-OBSERVE rounds \d+\D")
        machine.monitor(f"gdbserver unix:{tmp_path}/gdb,server=on,wait=off")
        with Gdb(tmp_path / "gdb") as gdb:
            places = windows(gdb, option == "xpti=on")
            for name, (address, ring) in places.items():
                run_to(gdb, name, address, ring)
                check_nmi_comes_here(machine, gdb)
                check_it_goes_on(machine, gdb)
                assert "MICRO-CHECK" not in machine.serial(), name
            # One that interrupts a guest does not keep the next waiting until an IRET, which may not come.
            gdb.run_to(USER_CODE)
            machine.monitor("nmi")
            gdb.run_to(stub(NMI))
            run_to(gdb, "the way out", *places["after the last look"])
            check_nmi_comes_here(machine, gdb)
            check_it_goes_on(machine, gdb)
            # In a machine check, and in an NMI itself, which keeps the next one waiting.
            machine.monitor(f"mce 0 5 {FOUND_IN_PASSING}")
            gdb.run_to(stub(MACHINE_CHECK))
            check_nmi_comes_here(machine, gdb)
            machine.monitor("nmi")
            gdb.run_to(stub(NMI))
            check_it_goes_on(machine, gdb)
        log = machine.serial()
    assert log.count("NMI of unknown origin") == len(places) + 4
    assert "uncorrected, found in passing" in log
    assert not re.findall("MICRO-CHECK.*|Panic.*", log)
