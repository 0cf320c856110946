# SPDX-License-Identifier: Apache-2.0
"""What is kept of a test that failed: its machines' serial logs, what dom0 knows, and how to be in such a machine again."""

import re
import shlex
import shutil

from lab import templates
from lab.host import LOGS, LabError

FOLDER = LOGS / "failures"
# In dom0, each with a limit of its own: it may be what hangs.
QUESTIONS = {
    "xl-list.txt": "xl list -v",
    "xl-vcpu-list.txt": "xl vcpu-list",
    "xl-dmesg.txt": "xl dmesg",
    "xenstore.txt": "xenstore-ls -fp",
    "dmesg.txt": "dmesg",
    "processes.txt": "ps -ef",
    "guest-consoles.txt": "tail -n 200 /var/log/xen/console/*.log",
}
LIMIT = 20


def folder_of(cell, test):
    """Where the remains of a test of a cell lie."""
    return FOLDER / cell / re.sub(r"[^\w.-]+", "_", test).strip("_")


def by_hand(machine):
    """The commands that lead into such a machine."""
    words = templates.describe(machine.settings)
    lines = [f"./run {words}"]
    if machine.template:
        lines.append(f"# from template {machine.template.key}; add --no-template to boot it")
    if machine.settings.prepare:
        lines.append(f"# then in dom0: {shlex.quote(machine.settings.prepare)}")
    return "\n".join(lines) + "\n"


def keep(machines, cell, test, text):
    """Write it all; returns the folder. `text` is the failure as it is reported."""
    folder = folder_of(cell, test)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "failure.txt").write_text(text)
    for machine in machines:
        place = folder / machine.settings.name
        place.mkdir(exist_ok=True)
        (place / "serial.log").write_text(machine.serial())
        (place / "again.sh").write_text(by_hand(machine))
        if not machine.alive() or machine.channel is None:
            continue
        for name, command in QUESTIONS.items():
            try:
                status, output, errors = machine.run(command, LIMIT)
                (place / name).write_text(output + errors + (f"[status {status}]\n" if status else ""))
            except LabError as error:
                (place / name).write_text(f"{error}\n")
                break  # it does not answer any more
    return folder
