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
