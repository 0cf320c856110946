# SPDX-License-Identifier: Apache-2.0
"""Builds what is to be run or tested: CMake's presets, named targets, with progress and the compiler's first error."""

import os
import re
from pathlib import Path

from lab import progress
from lab.host import BUILD, LOGS, ROOT, LabError, follow

# Targets of the top CMakeLists.txt.
HYPERVISOR = "proxenos"
TOOLSTACK = "toolstack-programs"
RUN = "run-all"  # both
MICRO_GUESTS = "micro-guests"
TEST_PROGRAMS = "test-programs"  # what system tests run in dom0 and in guests
PLUGINS = "events-plugins"  # that count in QEMU (bench/plugin)

NINJA_LINE = re.compile(r"^\[(\d+)/(\d+)\] (.*)")


def first_error(text):
    """The compiler's, linker's or CMake's first error in a build's output: its line and what belongs to it."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if re.search(r"(^|[ :])(fatal )?error: |CMake Error|undefined (symbol|reference)|^ninja: error", line):
            rest = lines[number : number + 12]
            ends = [
                i for i, more in enumerate(rest) if i and re.search(r"\berror: |^\[\d+/\d+\]|^\d+ errors? gen", more)
            ]
            return "\n".join(rest[: ends[0] if ends else None]).rstrip()
    return "\n".join(lines[-20:])


class NinjaReader:
    """Turns ninja's lines into a step's progress."""

    def __init__(self, step):
        self.step = step

    def line(self, text):
        """'[done/all] Building CXX object path/file.cpp.o', '[done/all] Linking CXX executable path'."""
        if found := NINJA_LINE.match(text):
            what = Path(found[3].split()[-1]).name.removesuffix(".o") if found[3] else ""
            self.step.at(int(found[1]), int(found[2]), what)


def tree(preset):
    """Where a preset builds (CMakePresets.json)."""
    return BUILD if preset == "release" else BUILD / preset


def must_configure(preset):
    """Whether cmake must be called; what changes in a CMakeLists.txt, ninja itself sees."""
    rules = tree(preset) / "build.ninja"
    return not rules.exists() or rules.stat().st_mtime < (ROOT / "CMakePresets.json").stat().st_mtime


def build(targets=(RUN,), preset="release", log="build", jobs=0):
    """Configure a preset's tree when it must be, and build targets in it, `jobs` files at a time (0: as ninja likes). Gives the
    seconds of CPU that it took. All that is said goes to build/logs/LOG.log; raises LabError with the first error."""
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{log}.log"
    environment = dict(os.environ, NINJA_STATUS="[%f/%t] ")
    said = []
    name = " ".join([*([] if preset == "release" else [preset]), *targets])
    try:
        with progress.step(f"building {name}", f"build {name}") as step:
            if must_configure(preset):
                step.at(0, 0, "configuring")
                follow(["cmake", "--preset", preset], said.append, cwd=ROOT)
            reader = NinjaReader(step)
            command = ["cmake", "--build", tree(preset), *(["-j", jobs] if jobs else []), "--target", *targets]
            return follow(command, lambda line: (said.append(line), reader.line(line)), cwd=ROOT, env=environment)
    except LabError:
        where = path.relative_to(ROOT)
        raise LabError(f"the build of {name} failed (log: {where})\n{first_error(chr(10).join(said))}") from None
    finally:
        path.write_text("\n".join(said) + "\n", encoding="utf-8")
