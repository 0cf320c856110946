# SPDX-License-Identifier: Apache-2.0
"""Random hypercalls for a few seconds: the guest may crash itself, the hypervisor must neither panic nor hang."""

import re
import time

import pytest

from tests.guests.test_micro import console

SECONDS = 10  # for one number of CPUs; a boot that began is let end
SEEDS_A_BOOT = 60


@pytest.mark.parametrize("cpus", [1, 2])
def test_hypervisor_survives(cpus, request):
    """One seed after the other; after a crash of the guest the machine is started again at the seed that follows."""
    hypervisor = request.config.getoption("--hypervisor")
    if hypervisor != "proxenos":
        pytest.skip("whether the reference survives is not for us to say")
    seed, end = 1, time.monotonic() + SECONDS
    while time.monotonic() < end:
        log = console(hypervisor, f"fuzz seed={seed} seeds={SEEDS_A_BOOT}", cpus, timeout=40)
        begun = log.split("MICRO-START", 1)[-1]
        assert not re.search(r"panic|fatal|assertion|TIMED OUT", begun, re.I), begun[-4000:]
        assert "FUZZ-END" in log or re.search(r"Domain 0 .*crashed|FUZZ trap|rebooting machine", log), begun[-4000:]
        seeds = re.findall(r"FUZZ seed (\d+)", log)
        assert seeds, log[-4000:]
        seed = int(seeds[-1]) + 1
