# SPDX-License-Identifier: Apache-2.0
"""Which translations survive a load of CR3: the global bit of the pages in which code runs, read from the page tables of the
machine by the emulator's monitor while a program makes system calls. (An emulator drops all; a processor does not.)"""

import re
import time

from lab.host import LabError

PAGE_BITS = 12
ADDRESS_MASK = 0x000FFFFFFFFFF000
PRESENT, LARGE, GLOBAL = 1, 1 << 7, 1 << 8
CR4_PGE, CR4_LA57 = 1 << 7, 1 << 12
REGIONS = ("user", "kernel", "hypervisor")


def region(address):
    """Where code lies: as bench/plugin/events.cpp tells it."""
    if address < 0xFFFF800000000000:
        return "user"
    return "hypervisor" if address < 0xFFFF880000000000 else "kernel"


def leaf(read, cr3, cr4, address):
    """The entry that maps an address, by `read` of 8 bytes of physical memory; 0 when nothing does."""
    table = cr3 & ADDRESS_MASK
    for level in range(5 if cr4 & CR4_LA57 else 4, 0, -1):
        entry = read(table + ((address >> (PAGE_BITS + 9 * (level - 1))) & 511) * 8)
        if not entry & PRESENT:
            return 0
        if level == 1 or (entry & LARGE and level <= 3):
            return entry
        table = entry & ADDRESS_MASK
    return 0


def registers(text):
    """{RIP, CR3, CR4} of the monitor's 'info registers'."""
    found = dict(re.findall(r"\b(RIP|CR3|CR4)=([0-9a-f]+)", text))
    return {name: int(value, 16) for name, value in found.items()}


def _sample(machine):
    """(region, whether its page is global) of the instruction that the machine is at."""

    def read(address):
        return int(machine.monitor(f"xp /1gx 0x{address:x}").split(":")[1].split()[0], 16)

    machine.monitor("stop")
    try:
        now = registers(machine.monitor("info registers"))
        entry = leaf(read, now["CR3"], now["CR4"], now["RIP"])
        return region(now["RIP"]), bool(entry & GLOBAL and now["CR4"] & CR4_PGE)
    finally:
        machine.monitor("cont")


def survivors(machine, limit=120):
    """{region: whether its translations survive a load of CR3} for those regions in which the machine was found at work."""
    machine.check(
        "setsid sh -c 'while :; do /bench/rows null-syscall; done' < /dev/null > /dev/null 2>&1 & echo $! > /run/busy"
    )
    seen = {name: [] for name in REGIONS}
    end = time.monotonic() + limit
    try:
        while time.monotonic() < end and sum(len(found) >= 5 for found in seen.values()) < len(REGIONS):
            where, kept = _sample(machine)
            seen[where].append(kept)
    finally:
        machine.check("kill -- -$(cat /run/busy); sleep 0.2")
    if not seen["user"]:
        raise LabError("the machine was never found in a program: nothing is known of its translations")
    return {name: 2 * sum(found) > len(found) for name, found in seen.items() if found}
