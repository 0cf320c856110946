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


def included(path, name, target, monkeypatch, tmp_path):
    """The breaks of a file that includes another one."""
    return breaks(path, f'{HEAD}#include "{name}"\n', monkeypatch, tmp_path, [target])


def test_an_include_goes_down(monkeypatch, tmp_path):
    for path, name, target in (
        ("hypervisor/domain/event/a.cpp", "memory/b.hpp", "hypervisor/memory/b.hpp"),
        ("hypervisor/x86/pv/a.S", "x86/b.inc", "hypervisor/x86/b.inc"),
        ("hypervisor/start/a.cpp", "x86/pv/xpti/b.hpp", "hypervisor/x86/pv/xpti/b.hpp"),
        ("hypervisor/memory/a.hpp", "memory/b.hpp", "hypervisor/memory/b.hpp"),
        ("toolstack/image/a.cpp", "packing/b.hpp", "packing/b.hpp"),
        ("toolstack/xl/a.cpp", "domain/devices/b.hpp", "toolstack/domain/devices/b.hpp"),
    ):
        assert not included(path, name, target, monkeypatch, tmp_path)


def test_an_include_that_climbs_is_told_with_both_floors(monkeypatch, tmp_path):
    for path, name, target, floors in (
        ("hypervisor/memory/a.cpp", "domain/b.hpp", "hypervisor/domain/b.hpp", (3, 5)),
        ("hypervisor/domain/grant/a.cpp", "x86/b.hpp", "hypervisor/x86/b.hpp", (5, 8)),
        ("hypervisor/x86/a.hpp", "x86/machine/cpu/b.hpp", "hypervisor/x86/machine/cpu/b.hpp", (8, 9)),
        ("hypervisor/x86/machine/cpu/a.S", "x86/pv/b.inc", "hypervisor/x86/pv/b.inc", (9, 11)),
        ("hypervisor/x86/machine/a.cpp", "x86/guest/b.hpp", "hypervisor/x86/guest/b.hpp", (9, 10)),
        ("hypervisor/x86/guest/a.cpp", "x86/pv/b.hpp", "hypervisor/x86/pv/b.hpp", (10, 11)),
        ("hypervisor/x86/hypercall/a.cpp", "start/b.hpp", "hypervisor/start/b.hpp", (12, 13)),
        ("toolstack/xen/a.cpp", "domain/b.hpp", "toolstack/domain/b.hpp", (2, 4)),
    ):
        parts = [house.part_of(one) for one in (path, target)]
        told = f"{parts[0]}, on floor {floors[0]}, may not know {parts[1]}, on floor {floors[1]}"
        assert included(path, name, target, monkeypatch, tmp_path) == [f'{path}: includes "{name}": {told}']


def test_neighbours_do_not_know_each_other(monkeypatch, tmp_path):
    for mine, other in (("x86/pv", "x86/hvm"), ("x86/hvm", "x86/pv"), ("boot", "machine")):
        found = included(
            f"hypervisor/{mine}/a.cpp", f"{other}/b.hpp", f"hypervisor/{other}/b.hpp", monkeypatch, tmp_path
        )
        assert len(found) == 1 and f"hypervisor/{other}, its neighbour on floor" in found[0]
    assert included("toolstack/xl/a.cpp", "xenstore/b.hpp", "toolstack/xenstore/b.hpp", monkeypatch, tmp_path)


def test_the_houses_share_the_interface_only(monkeypatch, tmp_path):
    list_header = "hypervisor/base/list.hpp"
    assert not included("toolstack/xl/a.cpp", "abi/a.hpp", "abi/a.hpp", monkeypatch, tmp_path)
    for path in ("toolstack/xl/a.cpp", "abi/a.hpp", "packing/a.cpp"):
        found = included(path, f"{'../' * path.count('/')}{list_header}", list_header, monkeypatch, tmp_path)
        assert len(found) == 1 and "may not know hypervisor/base" in found[0]


def test_each_folder_is_on_a_floor(monkeypatch, tmp_path):
    for path in ("hypervisor/x86/new/a.cpp", "hypervisor/a.cpp", "toolstack/new/b/a.hpp"):
        assert breaks(path, HEAD, monkeypatch, tmp_path) == [
            f"{path}: its folder is on no floor of the house (FLOORS in tests/house.py)"
        ]
    assert not breaks("lab/agent/a.cpp", HEAD, monkeypatch, tmp_path)


def test_kinds_of_guests_are_asked_for_not_assumed(tmp_path, monkeypatch):
    monkeypatch.setattr(house, "ROOT", tmp_path)

    def casts(path, text):
        return [*house.check_casts(tmp_path / path, text)]

    for cast in (
        "static_cast<PvDomain&>(*named)",
        "static_cast<const pv::PvVcpu*>(vcpu)",
        "static_cast<HvmDomain &>(d)",
    ):
        assert len(casts("hypervisor/x86/pv/paging/mmu_owner.hpp", cast)) == 1
        assert not casts("hypervisor/x86/pv/pv_vcpu.hpp", cast)
        assert not casts("tests/unit/paging/a.cpp", cast)
    assert not casts(
        "hypervisor/x86/pv/a.cpp", "as_pv(domain); static_cast<Domain&>(domain); static_cast<PvDomainId>(1)"
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
