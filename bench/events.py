# SPDX-License-Identifier: Apache-2.0
"""What the plugin of bench/plugin counted, row by row: instructions, and those of them that processors take long for."""

import re
from pathlib import Path

from lab.host import BUILD, LabError

BEGIN, END, SET, ROW = range(1, 5)  # bench::Mark
PLUGINS = {"qemu": "events-1.so", "qemu-10": "events-4.so"}  # by the version of the interface
ROW_LINE = re.compile(r"^row ([\w-]+)=[\d.]+ per (\d+)", re.M)


def arguments(emulator, output):
    """QEMU's options that load the plugin; its lines go to `output`."""
    plugin = BUILD / "bench" / PLUGINS[emulator]
    if not plugin.exists():
        raise LabError(f"{plugin} is not built: cmake --preset release && cmake --build build --target {plugin.stem}")
    return ["-plugin", f"{plugin},out={output}"]


def _less(left, right):
    """Counts without those of another stretch."""
    return {name: left[name] - right[name] for name in left}


def _size(counts):
    return sum(value for name, value in counts.items() if name.endswith(".instructions"))


def _middle(stretches):
    """The stretch of median length: a timer's tick or a daemon's turn falls into some, not into that one."""
    return sorted(stretches, key=_size)[len(stretches) // 2]


class Recorder:
    """Reads the plugin's file while the machine runs. `found` gets {row: {counter: number per operation}}."""

    def __init__(self, path):
        self.path = Path(path)
        self.found = {}
        self._at = 0
        self._names = None

    def _lines(self):
        """The lines since the last look: [(mark, {counter: value})]."""
        with open(self.path, encoding="ascii") as file:
            file.seek(self._at)
            text = file.read()
        text = text[: text.rfind("\n") + 1]  # what is whole
        self._at += len(text)
        lines = text.splitlines()
        if self._names is None and lines:
            self._names = lines.pop(0).split()[1:]
        return [(int(mark), dict(zip(self._names, map(int, values)))) for mark, *values in map(str.split, lines)]

    def rows(self):
        """The rows since the last look, in their order: [[[counts of a stretch] of a measurement] of a row]. What no program
        ended with a mark of a row is left out."""
        result, sets, stretches, begin = [], [], [], None
        for mark, counts in self._lines():
            if mark == BEGIN:
                begin = counts
            elif mark == END and begin is not None:
                stretches.append(_less(counts, begin))
                begin = None
            elif mark in (SET, ROW):
                sets += [stretches] if stretches else []
                stretches = []
                if mark == ROW:
                    result.append(sets)
                    sets = []
        return result

    def note_rows(self, text, prefix=""):
        """Take the rows of a program by what it printed. A row of two measurements is their difference (a hypercall, net of
        the ioctl)."""
        printed = ROW_LINE.findall(text.replace("\r", ""))
        measured = self.rows()
        if len(printed) != len(measured):
            raise LabError(f"{len(printed)} rows were printed, the plugin saw {len(measured)}")
        for (name, operations), sets in zip(printed, measured):
            if not sets:
                continue
            counts = _middle(sets[0])
            for other in sets[1:]:
                counts = _less(counts, _middle(other))
            self.found[prefix + name] = {key: value / int(operations) for key, value in counts.items() if value}

    def note_cost(self, name, times):
        """Take a command's row: the median of its runs after the first."""
        measured = self.rows()
        if len(measured) != 1 or len(measured[0]) != 1 or len(measured[0][0]) != times:
            raise LabError(f"{name}: the plugin saw another number of runs than {times}")
        counts = _middle(measured[0][0][1 if times > 1 else 0 :])
        self.found[name] = {key: value for key, value in counts.items() if value}
