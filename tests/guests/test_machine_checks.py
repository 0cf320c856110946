# SPDX-License-Identifier: Apache-2.0
"""Machine checks, made by QEMU's monitor: corrected ones are told to dom0, contained ones end a guest, others the host."""

import re

import pytest

from machines import micro_machine

CASE = "machine_checks_reach_dom0"
MET = "machine_check_ends_who_meets_it"
VALID, UNCORRECTED, ENABLED, MISC, ADDRESS, CORRUPT, SIGNALLED, REQUIRED = (
    1 << bit for bit in range(63, 54, -1) if bit != 62
)
SCRUBBED, LOADED = 0xC0, 0x134  # codes: memory scrubbing, load of data
RESTARTABLE, OF_RIP, IN_PROGRESS = 1, 2, 4
MET_BY_GUEST = VALID | UNCORRECTED | ENABLED | SIGNALLED | REQUIRED | LOADED
PHYSICAL = 2 << 6 | 6  # MISC: kind of address, and low bits that mean nothing


@pytest.fixture(autouse=True)
def fixture_ours_only(request):
    if request.config.getoption("--hypervisor") == "xen":
        pytest.skip("by our log")


def inject(machine, status, state=RESTARTABLE | IN_PROGRESS, address=0):
    """On CPU 0, in bank 5."""
    answer = machine.monitor(f"mce 0 5 {status:#x} {state:#x} {address:#x} {PHYSICAL:#x}")
    assert not answer.strip(), answer


def inject_in_guest_mode(machine, status, state):
    """While CPU 0 is in guest mode, for certain: an error that the hypervisor meets ends the host."""
    for _ in range(100):
        machine.monitor("stop")
        if "CPL=3" in machine.monitor("info registers"):
            break
        machine.monitor("cont")
    else:
        pytest.fail("CPU 0 is never in guest mode")
    inject(machine, status, state)
    machine.monitor("cont")


def test_errors_are_told_and_end_the_owner_of_what_is_wrong():
    with micro_machine("mce-told", f"{CASE} {MET}", cpus=2) as machine:
        frame = int(machine.expect_console(r"MICRO-OBSERVE frame (\d+)\D").group(1))
        inject(machine, VALID | ENABLED | MISC | ADDRESS | SCRUBBED, address=frame << 12 | 0x40)
        machine.expect_console("MICRO-OBSERVE corrected 1")
        bad = VALID | UNCORRECTED | ENABLED | MISC | ADDRESS | SIGNALLED
        inject(machine, bad | SCRUBBED, address=frame << 12 | 0x40)
        machine.expect_console(f"MICRO-(PASS|FAIL) {CASE}")
        machine.expect_console("MICRO-OBSERVE it runs 1")
        inject_in_guest_mode(machine, MET_BY_GUEST, RESTARTABLE | OF_RIP | IN_PROGRESS)
        machine.expect_console(f"MICRO-(PASS|FAIL) {MET}")
        assert machine.wait_end()
        log = machine.serial()
    for case in (CASE, MET):
        assert f"MICRO-PASS {case}" in log, "\n".join(re.findall("MICRO-.*", log))
    assert re.search(r"Machine check on CPU0, uncorrected, used: bank 5 .* d5v0 ran", log)
    assert re.search(r"Domain 5 is ended: it has met an error", log)
    assert re.search(r"Machine check on CPU0, corrected: bank 5 status 9c", log)
    assert re.search(r"Machine check on CPU0, uncorrected, found in passing: bank 5", log)
    assert "Domain 5 is ended" in log and "Panic" not in log


@pytest.mark.parametrize(
    ("name", "status", "state"),
    [
        ("corrupt", CORRUPT, RESTARTABLE | IN_PROGRESS),
        ("met-by-dom0", SIGNALLED | REQUIRED | LOADED, RESTARTABLE | OF_RIP | IN_PROGRESS),
    ],
)
def test_what_is_not_contained_ends_the_host_with_its_banks(name, status, state):
    with micro_machine(f"mce-{name}", "spins_in_guest_mode") as machine:
        machine.expect_console("MICRO spins_in_guest_mode")
        whole = VALID | UNCORRECTED | ENABLED | status
        inject_in_guest_mode(machine, whole, state)
        machine.expect_console(f"Bank 5: status {whole:016x}")
        machine.expect_console(r"Panic on CPU 0:\s+\(XEN\).*machine check")
