# SPDX-License-Identifier: Apache-2.0
"""Machines whose dom0 is the micro guests' kernel, for tests that act from outside while it runs."""

from lab.host import BUILD
from lab.machine import Machine

GUEST = BUILD / "guests/micro.elf"


def micro_machine(name, cases, **fields):
    """A machine that runs these cases, of a size that they need; see lab.settings.Settings."""
    return Machine(
        micro_guest=str(GUEST), kernel_args=cases, memory=1024, dom0_memory=256, nics=[], name=name, **fields
    )
