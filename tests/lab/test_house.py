# SPDX-License-Identifier: Apache-2.0
"""The checks of the house find what they are for."""

import house


def breaks(path, text, monkeypatch, tmp_path, files=()):
    monkeypatch.setattr(house, "ROOT", tmp_path)
    for name in (*files, path):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text if name == path else "")
    return [*house.check_includes(tmp_path / path, text), *house.check_file(tmp_path / path, text)]


HEAD = "// SPDX-License-Identifier: Apache-2.0\n"


def test_portable_code_does_not_know_x86(monkeypatch, tmp_path):
    found = breaks(
        "hypervisor/domain/a.cpp",
        HEAD + '#include "x86/pv/b.hpp"\n',
        monkeypatch,
        tmp_path,
        ["hypervisor/x86/pv/b.hpp"],
    )
    assert len(found) == 1 and "may not know hypervisor/x86/pv" in found[0]


def test_pv_and_hvm_do_not_know_each_other(monkeypatch, tmp_path):
    for mine, other in (("pv", "hvm"), ("hvm", "pv")):
        assert breaks(
            f"hypervisor/x86/{mine}/a.cpp",
            HEAD + f'#include "x86/{other}/b.hpp"\n',
            monkeypatch,
            tmp_path,
            [f"hypervisor/x86/{other}/b.hpp"],
        )


def test_toolstack_shares_the_interface_only(monkeypatch, tmp_path):
    files = ["abi/a.hpp", "hypervisor/base/list.hpp"]
    assert not breaks("toolstack/xl/a.cpp", HEAD + '#include "abi/a.hpp"\n', monkeypatch, tmp_path, files)
    assert breaks(
        "toolstack/xl/a.cpp", HEAD + '#include "../../hypervisor/base/list.hpp"\n', monkeypatch, tmp_path, files
    )


def test_heads_and_lengths(monkeypatch, tmp_path):
    assert "no SPDX" in breaks("abi/a.hpp", "int a;\n", monkeypatch, tmp_path)[0]
    assert "limit" in breaks("abi/b.hpp", HEAD + "\n" * 900, monkeypatch, tmp_path)[0]
    assert not breaks("abi/c.hpp", HEAD, monkeypatch, tmp_path)


def long_function(lines):
    return "int f(int a,\n      int b) {\n" + "    a += b;\n" * (lines - 4) + "    return a;\n}\n"


def test_a_file_may_have_500_lines_recordings_more(monkeypatch, tmp_path):
    assert not breaks("abi/a.hpp", HEAD + "\n" * 499, monkeypatch, tmp_path)
    assert breaks("abi/b.hpp", HEAD + "\n" * 500, monkeypatch, tmp_path) == ["abi/b.hpp: 501 lines, the limit is 500"]
    assert not breaks("bench/results.json", "\n" * 900, monkeypatch, tmp_path)
    monkeypatch.setattr(house, "LONG_FILES", {"abi/c.hpp": "because"})
    assert not breaks("abi/c.hpp", HEAD + "\n" * 500, monkeypatch, tmp_path)


def test_a_function_may_have_60_lines(monkeypatch):
    source = house.ROOT / "abi/a.cpp"
    assert not list(house.check_functions(source, long_function(60)))
    assert list(house.check_functions(source, long_function(61))) == ["abi/a.cpp: f has 61 lines, the limit is 60"]
    script = house.ROOT / "lab/a.py"
    assert not list(house.check_functions(script, "def f():\n" + "    f()\n" * 59))
    assert list(house.check_functions(script, "def f():\n" + "    f()\n" * 60)) == [
        "lab/a.py: f has 61 lines, the limit is 60"
    ]
    monkeypatch.setattr(house, "LONG_FUNCTIONS", {"lab/a.py:f": "because"})
    assert not list(house.check_functions(script, "def f():\n" + "    f()\n" * 60))


def test_functions_are_found_in_namespaces_and_types_and_tests():
    text = (
        "namespace px {\nnamespace {\n\nstruct S {\n  public:\n    S()\n        : a(1) {\n        if (a) {\n            b();\n"
        '        }\n    }\n    int a;\n};\n\n} // namespace\n\n[[gnu::naked, gnu::section(".text")]] void entry() {\n    a();\n}\n'
        "TEST(Suite, name) {\n    b();\n}\nconst int table[] = {\n    1,\n};\n} // namespace px\n"
    )
    assert list(house.cpp_functions(text)) == [("S", 6), ("entry", 3), ("Suite.name", 3)]


def test_files_that_comments_and_documents_name_exist():
    names = ["hypervisor/domain/event/send.cpp", "lab/run.py", "docs/lab.md"]
    right = "// domain/event/send.cpp, event/*.cpp, build/made.cpp, lab/run.py; a.b.cpp_x\n"
    assert not list(house.check_names(house.ROOT / "hypervisor/a.hpp", right, names))
    for path, text, name in (
        ("hypervisor/a.hpp", "int a; // see domain/sent.cpp\n", "domain/sent.cpp"),
        ("hypervisor/a.S", "// table_*.hpp\n", "table_*.hpp"),
        ("lab/a.py", '"""As in walk.py."""\n', "walk.py"),
        ("lab/a.py", "a = 1  # as in walk.py\n", "walk.py"),
        ("docs/a.md", "See other.md.\n", "other.md"),
    ):
        assert list(house.check_names(house.ROOT / path, text, names)) == [
            f"{path}: names {name}, which is not in the project"
        ]
    assert not list(house.check_names(house.ROOT / "lab/a.py", 'name = "walk.py"\n', names))  # not words about a file


def test_exceptions_that_nothing_needs_are_errors(monkeypatch, tmp_path):
    monkeypatch.setattr(house, "ROOT", tmp_path)
    for name, text in (("a.cpp", long_function(61)), ("b.cpp", long_function(60)), ("c.py", "\n" * 501)):
        (tmp_path / name).write_text(text)
    files = [tmp_path / name for name in ("a.cpp", "b.cpp", "c.py")]
    monkeypatch.setattr(house, "LONG_FILES", {"c.py": "because", "a.cpp": "short", "gone.py": "gone"})
    monkeypatch.setattr(house, "LONG_FUNCTIONS", {"a.cpp:f": "because", "b.cpp:f": "short", "a.cpp:g": "gone"})
    found = list(house.check_exceptions(files))
    assert len(found) == 4
    for name in ("a.cpp needs", "gone.py needs", "b.cpp:f needs", "a.cpp:g needs"):
        assert any(name in line for line in found)
