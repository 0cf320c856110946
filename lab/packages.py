# SPDX-License-Identifier: Apache-2.0
"""Debian packages on the host: which of lab/packages.txt are missing, and their installation."""

import os
import re
import subprocess

from lab import progress
from lab.host import LAB, LabError, as_root, call, follow, locked, words

STATUS = ["-o", "APT::Status-Fd=1"]  # apt tells where it is between its other lines


def missing():
    """Which packages of lab/packages.txt are not installed."""
    wanted = words(LAB / "packages.txt")
    shown = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    ).stdout
    have = {line.split()[0] for line in shown.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in have]


class AptReader:
    """Turns what apt says, with STATUS, into a step's progress."""

    def __init__(self, step):
        self.step = step
        self.total = 0
        self.installed = set()

    def line(self, text):
        """One line of apt's. What it means:
        `5 newly installed`; dlstatus:POINT:PERCENT:Retrieving file 3 of 87; pmstatus:PACKAGE:PERCENT:Installed PACKAGE (ARCH)
        """
        if found := re.search(r"(\d+) newly installed", text):
            self.total = int(found[1])
        elif found := re.match(r"dlstatus:.*Retrieving file (\d+) of (\d+)", text):
            self.step.at(int(found[1]), int(found[2]), "fetching")
        elif found := re.match(r"pmstatus:([^:]+):[\d.]+:(\w+)", text):
            if found[2] == "Installed":
                self.installed.add(found[1])
            self.step.at(len(self.installed), self.total, found[1])


def install():
    """Install what is missing; costs one dpkg-query when nothing is."""
    wanted = missing()
    if not wanted:
        return
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    command = as_root(["apt-get", "install", "-y", "--no-install-recommends", *STATUS, *wanted])
    with locked("apt"), progress.step("installing packages", "packages") as step:
        reader = AptReader(step)
        step.at(0, len(wanted), wanted[0])
        try:
            follow(command, reader.line, env=environment)
        except LabError:  # no package lists yet, or old ones: fetch them once
            step.at(0, 0, "fetching the lists")
            call(as_root(["apt-get", "update"]), env=environment)
            follow(command, reader.line, env=environment)
