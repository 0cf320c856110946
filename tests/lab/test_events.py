# SPDX-License-Identifier: Apache-2.0
"""The benchmark's second column: the plugin's file is read row by row, priced, and compared with Xen's."""

import json
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

# pylint: disable=wrong-import-position
from bench import cycles, events, modelled, report, translations
from lab.host import ROOT, LabError

RESULTS = json.loads((ROOT / "bench/results.json").read_text())
NAMES = "mark user.instructions hypervisor.mov-cr3 kernel.lock"


class File:
    """A plugin's file that grows."""

    def __init__(self, path):
        self.path = path
        self.counts = [0, 0, 0]
        path.write_text(NAMES + "\n")

    def mark(self, kind, *more):
        """Counters go on by `more`; then the mark."""
        self.counts = [count + add for count, add in zip(self.counts, (*more, 0, 0, 0))]
        with open(self.path, "a", encoding="ascii") as file:
            file.write(f"{kind} {' '.join(map(str, self.counts))}\n")

    def stretch(self, *more):
        self.mark(events.BEGIN, 7)
        self.mark(events.END, *more)


@pytest.fixture(name="file")
def fixture_file(tmp_path):
    return File(tmp_path / "events")


def test_the_middle_stretch_counts(file):
    recorder = events.Recorder(file.path)
    for size in (100, 5000, 200):
        file.stretch(size, 10)
    file.mark(events.SET)
    file.mark(events.ROW)
    recorder.note_rows("row one=3.0 per 10\r\n", "pv/")
    assert recorder.found == {"pv/one": {"user.instructions": 20, "hypervisor.mov-cr3": 1}}


def test_two_measurements_of_a_row_are_a_difference(file):
    recorder = events.Recorder(file.path)
    file.stretch(100, 10)
    file.mark(events.SET)
    file.stretch(30, 4)
    file.mark(events.SET)
    file.mark(events.ROW)
    recorder.note_rows("row net=7.0 per 1\n")
    assert recorder.found == {"net": {"user.instructions": 70, "hypervisor.mov-cr3": 6}}


def test_rows_without_stretches_and_lines_that_are_half_written(file):
    recorder = events.Recorder(file.path)
    file.mark(events.ROW)
    with open(file.path, "a", encoding="ascii") as out:
        out.write("1 5 5")
    recorder.note_rows("row pages=7.0 per 1\n")
    assert recorder.found == {}
    with open(file.path, "a", encoding="ascii") as out:
        out.write(" 5\n2 6 5 5\n4 6 5 5\n")
    recorder.note_rows("row one=1.0 per 1\n")
    assert recorder.found == {"one": {"user.instructions": 1}}


def test_rows_that_the_plugin_did_not_see_are_an_error(file):
    with pytest.raises(LabError, match="1 rows were printed, the plugin saw 0"):
        events.Recorder(file.path).note_rows("row one=1.0 per 1\n")


def test_runs_of_a_command(file):
    recorder = events.Recorder(file.path)
    for size in (900, 30, 10, 20):
        file.stretch(size)
    file.mark(events.ROW)
    recorder.note_cost("xl-list", 4)
    assert recorder.found == {"xl-list": {"user.instructions": 20}}


@pytest.mark.parametrize(
    "counts, deprivileged, expected",
    [
        ({"user.instructions": 10}, True, 7),
        ({"hypervisor.iret": 2}, True, 600),
        ({"kernel.wrmsr": 1}, False, 150),
        ({"kernel.wrmsr": 1}, True, 200),  # a fault
        ({"user.hlt": 1}, False, 200),
        ({"kernel.lock": 2}, True, 38),  # needs no privilege
        ({"hypervisor.mov-cr3": 1}, True, 150 + 25 * 20),  # the hypervisor's own survive
        ({"hypervisor.mov-cr3-kept": 1}, True, 150),
    ],
)
def test_price(counts, deprivileged, expected):
    kept = {"user": False, "kernel": False, "hypervisor": True}
    assert cycles.cycles(counts, kept, 0, deprivileged) == pytest.approx(expected)


def test_each_event_of_the_plugin_has_a_price():
    text = (ROOT / "bench/plugin/decode.hpp").read_text()
    names = text.partition("event_names[event_count] = {")[2].partition("}")[0].replace('"', "").replace("\n", " ")
    assert {name.strip() for name in names.split(",") if name.strip()} == set(cycles.WEIGHTS)
    assert cycles.PRIVILEGED <= set(cycles.WEIGHTS)


def test_global_bit_is_read_from_the_tables():
    memory = {0x1000 + 8 * 1: 0x2003, 0x2000: 0x3003, 0x3000 + 8 * 2: 0x4003, 0x4000 + 8 * 3: 0x5103}
    memory[0x3000 + 8 * 5] = 0x200000 | 0x83  # large, not global

    def read(address):
        return memory.get(address, 0)

    page = (1 << 39) | (2 << 21) | (3 << 12)
    assert translations.leaf(read, 0x1000, 0, page) & translations.GLOBAL
    assert translations.leaf(read, 0x1000, 0, (1 << 39) | (5 << 21)) == 0x200083
    assert translations.leaf(read, 0x1000, 0, 2 << 39) == 0
    memory[0x9000] = 0x1003  # a fifth level above
    assert translations.leaf(read, 0x9000, translations.CR4_LA57, page) & translations.GLOBAL


def test_registers_of_the_monitor():
    text = "RIP=ffffffff81000000 RFL=00000246\nCR0=80050033 CR2=0000 CR3=000000000280a000 CR4=000006f0\n"
    assert translations.registers(text) == {"RIP": 0xFFFFFFFF81000000, "CR3": 0x280A000, "CR4": 0x6F0}
    assert [translations.region(a) for a in (0x400000, 0xFFFF830000000000, 0xFFFFFFFF81000000)] == [
        "user",
        "hypervisor",
        "kernel",
    ]


def test_no_row_takes_more_instructions_than_on_xen():
    assert "In no row does" in report.longer(RESULTS["xen"], RESULTS["proxenos"])


def test_a_row_that_is_costlier_than_on_xen_is_marked():
    """The same instructions, and a load of CR3 that keeps a program's translations on one of the two alone."""
    counts = {"hypervisor.instructions": 100, "hypervisor.mov-cr3": 2, "user.syscall": 1}
    seen = {
        column: {"rows": {"null-syscall": counts}, "survive": {"user": column == "xen", "kernel": False}}
        for column in ("none", "xen", "proxenos")
    }
    tables = {core: cycles.table(seen, place) for place, core in enumerate(cycles.CORES)}
    assert list(modelled.costlier(tables)) == ["null-syscall"]
    text = "\n".join(modelled.parts(seen))
    assert "null system call **(costlier)**" in text and "`null-syscall` (" in text
    seen["proxenos"]["survive"]["user"] = True
    assert "In no row is Proxenos costlier" in "\n".join(modelled.parts(seen))
    assert "not measured yet" in "\n".join(modelled.parts({"none": seen["none"]}))
