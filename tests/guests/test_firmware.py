# SPDX-License-Identifier: Apache-2.0
"""The micro guests about EFI, started by OVMF and GRUB."""

import re
from functools import lru_cache
from pathlib import Path

import pytest

from lab.host import BUILD
from lab.machine import run_micro

CASES = re.findall(r"^MICRO_CASE\((efi_\w+)\)", (Path(__file__).parent / "cases/firmware.cpp").read_text(), re.M)


@lru_cache
def console(hypervisor):
    """What COM1 said while the guest ran the cases."""
    ended, _, text = run_micro(
        BUILD / "guests/micro.elf",
        timeout=180,
        hypervisor=hypervisor,
        door="uefi",
        memory=1024,
        dom0_memory=256,
        kernel_args=" ".join(CASES),
    )
    return text.replace("\r", "") + ("" if ended else "\nTIMED OUT\n")


@pytest.fixture(name="hypervisor", scope="module")
def fixture_hypervisor(request):
    return request.config.getoption("--hypervisor")


@pytest.mark.parametrize("case", CASES)
def test_efi(case, hypervisor):
    log = console(hypervisor)
    assert f"MICRO-PASS {case}\n" in log, log[-3000:]
