# SPDX-License-Identifier: Apache-2.0
"""What every group of rows counts with: the columns, and the numbers that the programs in the machine print."""

import re

# Name of a column: (hypervisor, toolstack).
COLUMNS = {
    "none": ("none", "stock"),
    "xen": ("xen", "stock"),
    "proxenos": ("proxenos", "stock"),
    "proxenos-tools": ("proxenos", "proxenos"),
}


def parse(text):
    """{key: value} of the lines that a measuring program prints."""
    return {key: float(value) for key, value in re.findall(r"^row ([\w-]+)=([\d.]+)", text.replace("\r", ""), re.M)}


def cost(machine, name, command, times=5, timeout=300):
    """Ticks of a command in dom0: the median of several runs after the first. The events are noted as row `name`."""
    forget(machine)
    text = machine.check(f"/bench/cost {times} {command}", timeout)
    if machine.events:
        machine.events.note_cost(name, times)
    found = sorted(int(line) for line in text.split()[1 if times > 1 else 0 :])
    return found[len(found) // 2]


def forget(machine):
    """Marks of what was not a row are no part of the next."""
    if machine.events:
        machine.events.rows()


def program(machine, command, timeout=300):
    """The rows that a program in dom0 prints, their events noted."""
    forget(machine)
    text = machine.check(command, timeout)
    if machine.events:
        machine.events.note_rows(text)
    return parse(text)
