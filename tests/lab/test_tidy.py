# SPDX-License-Identifier: Apache-2.0
"""clang-tidy's findings are told, and it is asked again about what may have changed, and that alone."""

import json

import pytest

import tidy
import verdicts


@pytest.fixture(name="tree")
def fixture_tree(tmp_path, monkeypatch):
    """A project of two sources and a header of the first, with one rule."""
    monkeypatch.setattr(tidy, "ROOT", tmp_path)
    monkeypatch.setattr(verdicts, "CACHE", tmp_path / "cache")
    (tmp_path / ".clang-tidy").write_text("Checks: '-*,bugprone-narrowing-conversions'\nHeaderFilterRegex: '.*'\n")
    (tmp_path / "part").mkdir()
    (tmp_path / "part/a.hpp").write_text("inline int f(int i) { return i; }\n")
    (tmp_path / "part/a.cpp").write_text('#include "a.hpp"\nint g() { return f(1); }\n')
    (tmp_path / "part/b.cpp").write_text("int h() { return 2; }\n")
    configure(tmp_path, "")
    return tmp_path


def configure(tree, options):
    """The build's commands, with these options for the first source; each source is compiled in a second way that has none."""
    (tree / "build").mkdir(exist_ok=True)
    entries = [
        {
            "directory": str(tree / "build"),
            "file": str(tree / f"part/{name}.cpp"),
            "command": f"clang++-19 {more} -include-pch none.pch -o {name}.o -c {tree}/part/{name}.cpp",
        }
        for more in (options, "-DSECOND")
        for name in "ab"
    ]
    (tree / "build/compile_commands.json").write_text(json.dumps(entries))


def asked(everything=False):
    tidy._sum.cache_clear()  # pylint: disable=protected-access  # as a new process sees the files
    findings, sources, number = tidy.check(["part/"], everything)
    assert sources == 2
    return findings, number


def test_what_is_clean_is_asked_about_once(tree):
    assert asked() == ([], 2) and asked() == ([], 0) and asked(everything=True) == ([], 2)
    (tree / "part/b.cpp").write_text("int h() { return 3; }\n")
    assert asked() == ([], 1) and asked() == ([], 0)
    configure(tree, "-DOTHER")
    assert asked() == ([], 2) and asked() == ([], 0)
    (tree / ".clang-tidy").write_text("Checks: '-*,bugprone-narrowing-conversions,bugprone-branch-clone'\n")
    assert asked() == ([], 2)


def test_findings_are_told_at_each_run(tree):
    assert asked() == ([], 2)
    (tree / "part/a.hpp").write_text("inline int f(int i) { return i * 1.5; }\n")
    for _ in range(2):
        (line,), number = asked()
        assert number == 1 and line.startswith("part/a.hpp:1:30: warning: narrowing conversion")


def test_what_does_not_compile_is_a_finding(tree):
    (tree / "part/b.cpp").write_text("int h() { return x; }\n")
    for _ in range(2):
        (line,), _ = asked()
        assert line.startswith("part/b.cpp:1:18: error: use of undeclared identifier 'x'")
