# SPDX-License-Identifier: Apache-2.0
"""Formatters and pylint: what they find is told, and pylint is asked again about what may have changed, and that alone."""

import os

import pytest

import lint
import verdicts


@pytest.fixture(name="tree")
def fixture_tree(tmp_path, monkeypatch):
    """An empty project with the rules of this one, and a cache of its own."""
    (tmp_path / "pyproject.toml").write_text((lint.ROOT / "pyproject.toml").read_text())
    monkeypatch.setattr(lint, "ROOT", tmp_path)
    monkeypatch.setattr(verdicts, "CACHE", tmp_path / "cache")
    return tmp_path


def forget():
    """As a new process sees the files."""
    lint._read.cache_clear()  # pylint: disable=protected-access
    lint._imports.cache_clear()  # pylint: disable=protected-access


def test_formatters_and_pylint_are_asked(tree):
    good, bad = tree / "good.py", tree / "bad.py"
    good.write_text('"""Good."""\n')
    bad.write_text("a = 'b'\nc = d\n")
    assert not list(lint.python_unformatted([str(good)])) and not list(lint.lint([str(good)]))
    (line,) = lint.python_unformatted([str(good), str(bad)])
    assert line.startswith("bad.py: not as black writes it")
    (line,) = lint.lint([str(good), str(bad)])
    assert line.startswith("bad.py:2:4: E0602")
    assert list(lint.lint([str(tree / "absent.py")]))
    (tree / "a.cpp").write_text("int  a;\n")
    assert list(lint.cpp_unformatted([str(tree / "a.cpp")])) == [
        "a.cpp: not as clang-format writes it (python3 tests/house.py --fix-format)"
    ]
    assert list(lint.cpp_unformatted([str(tree / "absent.cpp")]))


def test_a_file_is_linted_again_when_one_that_it_imports_changes(tree, monkeypatch):
    for name, text in (
        ("a", "import b\n\nb.f(1)\n"),
        ("b", "import c\n\nf = c.f\n"),
        ("c", "def f(_):\n    return 1\n"),
    ):
        (tree / f"{name}.py").write_text(text)
    names = [str(tree / f"{name}.py") for name in "abc"]
    assert not list(lint.lint(names))
    asked, said_by = [], lint.said_by

    def told(command):
        asked.append([word for word in command if word.endswith(".py")])
        return said_by(command)

    monkeypatch.setattr(lint, "said_by", told)
    assert not list(lint.lint(names)) and asked == [[]]  # but for the version
    (tree / "b.py").write_text("import c\n\nf = g = c.f\n")
    forget()
    assert not list(lint.lint(names)) and asked[-1] == names[:2]
    (tree / "c.py").write_text("def f():\n    return 1\n")
    forget()
    for _ in range(2):  # what is wrong is told at each run
        (line,) = lint.lint(names)
        assert line.startswith("a.py:3:0: E1121")
    with open(tree / "pyproject.toml", "a", encoding="utf-8") as file:
        file.write("# other rules\n")
    (tree / "c.py").write_text("def f(_):\n    return 1\n")
    forget()
    assert not list(lint.lint(names)) and asked[-1] == names


def test_a_circle_of_imports_is_found_by_a_change_in_one_file(tree):
    (tree / "a.py").write_text("import b\n\nprint(b)\n")
    (tree / "b.py").write_text("print(1)\n")
    names = [str(tree / "a.py"), str(tree / "b.py")]
    assert not list(lint.lint(names))
    (tree / "b.py").write_text("import a\n\nprint(a)\n")
    forget()
    assert any("R0401" in line for line in lint.lint(names))


def test_verdicts_used_longest_ago_go_first(tree, monkeypatch):
    monkeypatch.setattr(verdicts, "MOST", 4)
    for name in "abcd":
        verdicts.keep("some", name, f"text of {name}")
    (tree / "cache/clean/some/b").touch()
    for age, name in enumerate("dca"):
        os.utime(tree / "cache/clean/some" / name, (1_000_000_000 - age,) * 2)
    assert verdicts.recall("some", "c") == "text of c"  # used now
    verdicts.keep("some", "e")
    assert [name for name in "abcde" if verdicts.recall("some", name) is None] == ["a", "d"]
    assert verdicts.named("ab", "c") != verdicts.named("a", "bc") and verdicts.recall("other", "e") is None
