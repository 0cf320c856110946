# SPDX-License-Identifier: Apache-2.0
"""Writes into docs/boot.md which options have no effect, from the table that the hypervisor warns by.

python3 -m lab.options writes the section; with --check it only says whether it is as it would be written.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/boot.md"
SOURCE = ROOT / "hypervisor/boot/absent_options.cpp"
BEGIN, END = "<!-- python3 -m lab.options -->\n", "<!-- end -->\n"
SILENT = {"WithOff": "=off", "WithOn": "=on", None: ""}


def absent_options():
    """{reason: [name, with the value that is taken in silence]}, in the table's order."""
    text = SOURCE.read_text()
    shared = dict(re.findall(r'string_view (\w+) =\s*"([^"]*)";', text))
    found = {}
    for name, literal, constant, agrees in re.findall(r'\{"([^"]+)", (?:"([^"]*)"|(\w+))(?:, (\w+))?\}', text):
        found.setdefault(literal or shared[constant], []).append(f"`{name}{SILENT[agrees or None]}`")
    if not found:
        raise SystemExit("hypervisor/boot/absent_options.cpp has no table")
    return found


def page():
    """The text of docs/boot.md with the section made anew."""
    before, rest = PAGE.read_text().split(BEGIN)
    after = rest.split(END)[1]
    rows = "".join(f"| {', '.join(names)} | {reason} |\n" for reason, names in sorted(absent_options().items()))
    return f"{before}{BEGIN}| option | why |\n|---|---|\n{rows}{END}{after}"


def main():
    """Write the section, or compare it."""
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        raise SystemExit("docs/boot.md is not what python3 -m lab.options writes")


if __name__ == "__main__":
    main()
