# SPDX-License-Identifier: Apache-2.0
"""What ./run and ./test say while they work, and the build that they call."""

import io
import json
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from lab import build, host, packages, progress, run, suite


@pytest.fixture(autouse=True, name="durations")
def fixture_durations(monkeypatch, tmp_path):
    monkeypatch.setattr(progress, "DURATIONS", tmp_path / "durations.json")
    return tmp_path / "durations.json"


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


def said_by(stream, monkeypatch, interval):
    """What a step says on a stream while two files are compiled."""
    monkeypatch.setattr(progress, interval, 0.01)
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.step("building", "a") as step:
        for number, name in ((1, "one.cpp"), (2, "two.cpp")):
            step.at(number, 2, name)
            end = time.monotonic() + 30
            while name not in stream.getvalue() and time.monotonic() < end:
                time.sleep(0.01)
    return stream.getvalue()


def test_a_terminal_has_one_line(monkeypatch, capsys):
    said = said_by(Terminal(), monkeypatch, "REWRITE_SECONDS")
    assert "\n" not in said and said.endswith("\r\x1b[K")
    assert "\rlab: building 1 of 2: one.cpp (0 s)\x1b[K" in said and "building 2 of 2: two.cpp" in said
    assert capsys.readouterr().out == ""


def test_elsewhere_lines_are_plain(monkeypatch, capsys):
    lines = said_by(io.StringIO(), monkeypatch, "PLAIN_SECONDS").splitlines()
    assert lines[0] == "lab: building"
    assert [line.split(" (")[0] for line in lines[1:]] == [
        "lab: building 1 of 2: one.cpp",
        "lab: building 2 of 2: two.cpp",
    ]
    assert capsys.readouterr().out == ""


def test_the_last_time_is_remembered(monkeypatch, capsys, durations):
    monkeypatch.setattr(progress, "WORTH_SECONDS", 0)
    durations.write_text("not JSON")  # a damaged file is no reason to fail
    with progress.step("building", "a") as step:
        step.at(1, 1)
    assert list(json.loads(durations.read_text())) == ["a"]
    with pytest.raises(ZeroDivisionError), progress.step("building", "b") as step:
        step.at(1 // 0)
    assert "b" not in json.loads(durations.read_text())
    durations.write_text('{"a": 31.4}')
    with progress.step("building", "a"):
        pass
    assert "lab: building (last time 31 s)" in capsys.readouterr().err


def test_of_nested_steps_the_inner_one_speaks(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(progress, "REWRITE_SECONDS", 0.01)
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.step("outer"):
        with progress.step("inner"):
            stream.truncate(0)
            while "inner" not in stream.getvalue():
                time.sleep(0.01)
            assert "outer" not in stream.getvalue()
    assert threading.active_count() == 1


def test_ninja_and_apt_are_read():
    step = progress.Step("working")
    build.NinjaReader(step).line("[12/306] Building CXX object toolstack/CMakeFiles/a.dir/xl/main.cpp.o")
    assert step.place == " 12 of 306: main.cpp"
    reader = packages.AptReader(step)
    reader.line("0 upgraded, 3 newly installed, 0 to remove and 8 not upgraded.")
    reader.line("dlstatus:2:33.3333:Retrieving file 2 of 3")
    assert step.place == " 2 of 3: fetching"
    for line in ("pmstatus:liba:10:Installed liba (amd64)", "pmstatus:clang-19:20.5:Unpacking clang-19 (amd64)"):
        reader.line(line)
    assert step.place == " 1 of 3: clang-19"


FAILED = """[1/3] Building CXX object a.o
FAILED: a.o
/usr/bin/clang++-19 -Werror -o a.o
a.cpp:3:5: error: unknown type name 'foo'
    3 |     foo x;
      |     ^
a.cpp:9:5: error: another
2 errors generated.
ninja: build stopped: subcommand failed.
"""


def test_the_first_error_is_shown_and_the_log_has_everything(monkeypatch, tmp_path, capsys):
    def follow(command, line, **_):
        for text in FAILED.splitlines():
            line(text)
        raise host.LabError("cmake failed")

    monkeypatch.setattr(build, "follow", follow)
    monkeypatch.setattr(build, "must_configure", lambda _: False)
    monkeypatch.setattr(build, "LOGS", tmp_path)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    with pytest.raises(host.LabError) as raised:
        build.build(["a"])
    assert str(raised.value) == (
        "the build of a failed (log: build.log)\na.cpp:3:5: error: unknown type name 'foo'\n    3 |     foo x;\n      |     ^"
    )
    assert (tmp_path / "build.log").read_text() == FAILED
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text",
    ["CMake Error at CMakeLists.txt:7", "ld.lld: error: undefined symbol: x", "ninja: error: loading 'build.ninja'"],
)
def test_errors_of_every_tool_are_found(text):
    assert build.first_error(f"before\n{text}\n") == text


def needed(*words):
    return run.needed(run.parser().parse_args(words))


def test_run_builds_what_it_runs():
    assert needed() == ["proxenos", "toolstack-programs"]
    assert needed("--toolstack", "stock") == ["proxenos"]
    assert needed("--hypervisor", "xen") == ["toolstack-programs"]
    assert not needed("--hypervisor", "none")
    assert needed("--micro-guest", "build/guests/micro.elf") == ["proxenos", "micro-guests"]
    assert needed("--micro-guest", "/elsewhere.elf") == ["proxenos"]


def test_after_a_failed_build_nothing_of_an_earlier_one_is_tested(monkeypatch):
    asked = []

    def failing(targets):
        asked.extend(targets)
        raise host.LabError("the build failed")

    monkeypatch.setattr(build, "build", failing)
    built, wrong = suite.build_parts(SimpleNamespace(parts=["guests"], no_build=False))
    assert asked == ["micro-guests", "proxenos"]
    assert [count.failed for count in wrong] == [1]
    assert not built["proxenos"] and not built["tools-proxenos"] and built["xen"]
