# SPDX-License-Identifier: Apache-2.0
"""All micro guests once more on QEMU 10 with everything that its CPU has: x2APIC, which the system's QEMU lacks, and RDTSCP
and SMAP, which the lab has to hide there."""

import re

import pytest

from lab import emulators
from lab.other_suites import why_not
from test_micro import CASES, console, said_of

EMULATOR = "qemu-10"


@pytest.fixture(name="log")
def fixture_log(request):
    if why_not(emulators.find, EMULATOR):
        pytest.skip(why_not(emulators.find, EMULATOR))
    if getattr(request.node, "execution_count", 1) > 1:
        console.cache_clear()  # a second try is judged by another run
    return console(request.config.getoption("--hypervisor"), "all", emulator=EMULATOR)


@pytest.mark.parametrize("case", CASES)
def test_case(case, log):
    assert f"MICRO-PASS {case}\n" in log, said_of(case, log)


def test_all_cases_ran_to_the_end(log):
    assert "MICRO-END" in log and "MICRO-FAIL" not in log, log[-1500:]


def test_what_the_systems_qemu_lacks_is_in_use(log, request):
    assert "MICRO-NOTE with rdtscp" in log
    assert re.search("(?:Using|Switched to) APIC driver x2apic", log), log[:6000]
