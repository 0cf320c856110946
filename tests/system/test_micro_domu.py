# SPDX-License-Identifier: Apache-2.0
"""The micro guests as an unprivileged domain: what only dom0 may do is refused, with the errors that Xen gives."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUEST = ROOT / "build/guests/micro.elf"
CASES = re.findall(r"^MICRO_CASE_ALONE\((domu_\w+)\)", (ROOT / "tests/guests/cases/unprivileged.cpp").read_text(), re.M)


@pytest.fixture(scope="module", name="said")
def fixture_said(shared):
    """What the guest's console said while it ran all cases, once."""
    from dom0 import Dom0
    dom0 = Dom0(shared.get())
    dom0.machine.put("/root/micro.elf", GUEST.read_bytes())
    dom0.machine.put("/etc/xen/micro.cfg", f'name = "micro"\nkernel = "/root/micro.elf"\nmemory = 32\nvcpus = 1\n'
                     f'extra = "{" ".join(CASES)}"\non_poweroff = "destroy"\non_crash = "destroy"\n')
    log = "/var/log/xen/console/guest-micro.log"
    dom0.out(f"rm -f {log}; xl create -q /etc/xen/micro.cfg", 180)
    dom0.run(f"timeout 60 bash -c \"until grep -qE 'MICRO-END|unexpected' {log}; do sleep 0.2; done\"", 90)
    text = dom0.run(f"cat {log}").output
    dom0.clean()
    return text.replace("\r", "")


@pytest.mark.parametrize("case", CASES)
def test_case(case, said):
    """One thing that an unprivileged guest must not be able to do."""
    assert f"MICRO-PASS {case}\n" in said, said[-3000:]


def test_guest_ran_to_its_end(said):
    assert "MICRO-END" in said, said[-3000:]
