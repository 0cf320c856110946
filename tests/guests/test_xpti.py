# SPDX-License-Identifier: Apache-2.0
"""Isolated page tables (xpti=on): every micro guest once more, and what a guest's page tables show of the hypervisor."""

import re

import pytest

from machines import micro_machine

# By the layout of the address space (docs/memory-layout.md): what is there besides the M2P and the descriptor tables.
HYPERVISOR = range(0xFFFF828000000000, 0xFFFF880000000000)
KIB = 1 << 10


@pytest.fixture(autouse=True)
def fixture_ours_only(request):
    if request.config.getoption("--hypervisor") == "xen":
        pytest.skip("looks into our address space")


@pytest.mark.parametrize(("cpus", "option"), [(1, "xpti=on"), (2, "xpti=on"), (4, "xpti=on"), (2, "xpti=on,dom0=off")])
def test_all_cases_pass(cpus, option):
    # vCPUs that take turns in one thread may not meet within the moments that some cases wait for.
    with micro_machine(f"xpti-{cpus}", "all", hypervisor_args=option, cpus=cpus, threads="multi") as machine:
        machine.wait_end(120)
        log = machine.serial()
    assert "MICRO-END" in log and "MICRO-FAIL" not in log, (
        "\n".join(re.findall(r"MICRO-(?:FAIL|CHECK).*", log)) or log[-1500:]
    )
    assert f"XPTI: dom0 {'off' if 'dom0' in option else 'on'}, domU on" in log


def hypervisor_ranges(option):
    """What the page tables in use map of the hypervisor while the CPU is in ring 3: [(start, bytes)]."""
    with micro_machine("xpti-spin", "spins_in_guest_mode", hypervisor_args=option) as machine:
        machine.expect_console("MICRO spins_in_guest_mode")
        for _ in range(50):
            machine.monitor("stop")
            if "CPL=3" in machine.monitor("info registers"):
                break
            machine.monitor("cont")
        assert "CPL=3" in machine.monitor("info registers")
        answer = machine.monitor("info mem")
    ranges = re.findall(r"^([0-9a-f]{16})-([0-9a-f]{16}) ", answer.replace("\r", ""), re.M)
    assert ranges, answer
    return [(int(start, 16), int(end, 16) - int(start, 16)) for start, end in ranges if int(start, 16) in HYPERVISOR]


def test_a_guest_runs_without_the_hypervisor():
    """Code and stacks of the ways in, and no direct map; with xpti=off all of it, so that the test sees what it looks for."""
    shown = hypervisor_ranges("xpti=on")
    assert 0 < sum(size for _, size in shown) <= 96 * KIB, [(hex(start), size) for start, size in shown]
    assert max(start for start, _ in shown) < 0xFFFF82D080000000  # nothing of the frame table, and no direct map
    everything = hypervisor_ranges("xpti=off")
    assert sum(size for start, size in everything if start >= 0xFFFF830000000000) >= 1 << 29
