# SPDX-License-Identifier: Apache-2.0
"""Emulators and kernels beside the system's: what a mirror lacks is said, and is not a failure of the lab."""

import lzma
import struct
import subprocess

import pytest

from lab import emulators, images, other_suites, qemu
from lab.host import CACHE
from lab.other_suites import why_not
from lab.settings import Settings


@pytest.fixture(name="suite")
def fixture_suite(tmp_path, monkeypatch):
    """A suite of a mirror that is empty; nothing goes over the network."""
    monkeypatch.setattr(other_suites, "CACHE", tmp_path)
    monkeypatch.setattr(other_suites, "mirror", lambda: f"file:{tmp_path}/nothing")
    return other_suites.Suite("trixie")


def test_a_suite_that_the_mirror_lacks(suite):
    with pytest.raises(other_suites.Absent, match="the mirror has no suite trixie"):
        suite.fetch("label", ["a"], lambda: ["a"])
    assert not list(suite.folder.parent.glob("label*"))


def test_a_package_that_the_suite_lacks(suite, monkeypatch):
    monkeypatch.setattr(other_suites.Suite, "_lists", "")
    with pytest.raises(other_suites.Absent, match="the mirror's trixie has no package no-such-package"):
        suite.folder.mkdir()
        (suite.folder / "status").write_text("")
        suite.field("no-such-package", "Version")


def test_why_not_is_a_sentence(monkeypatch):
    def lacking(*_):
        raise other_suites.Absent("the mirror has nothing")

    monkeypatch.setattr(other_suites.Suite, "fetch", lacking)
    emulators.find.cache_clear()
    try:
        assert why_not(emulators.find, "qemu-10") == why_not(emulators.find, "bochs-3") == "the mirror has nothing"
        assert (
            why_not(images.kernel_archives, "6.12") == "the mirror has nothing"
            and why_not(images.kernel_archives, "6.1") == ""
        )
        assert why_not(emulators.find, "qemu") == ""
    finally:
        emulators.find.cache_clear()


def test_a_kernel_of_another_version_is_not_taken_for_it(monkeypatch):
    monkeypatch.setattr(other_suites.Suite, "field", lambda *_: "6.13.2-1~bpo12+1")
    monkeypatch.setattr(other_suites.Suite, "fetch", lambda self, label, wish, choose: choose())
    assert (
        why_not(images.kernel_archives, "6.12")
        == "the mirror's bookworm-backports has Linux 6.13.2-1~bpo12+1, not 6.12"
    )


def test_the_hosts_mirror_is_found():
    assert "://" in other_suites.mirror() or other_suites.mirror().startswith("file:")


def test_each_emulator_has_its_own_program_and_cpu(tmp_path, monkeypatch):
    if why_not(emulators.find, "qemu-10"):
        pytest.skip(why_not(emulators.find, "qemu-10"))
    monkeypatch.setattr(qemu.images, "hypervisor", lambda name: "/h")
    lines = {}
    for name in ("qemu", "qemu-10"):
        machine = Settings(hypervisor="xen", emulator=name, micro_guest=__file__).check()
        words = qemu.command(machine, tmp_path, False, tmp_path / "log")
        lines[name] = words[words.index("-cpu") + 1]
    assert lines == {"qemu": "max,-smap,-rdtscp", "qemu-10": "max"}
    newer = emulators.find("qemu-10")
    assert str(CACHE) in newer.program
    said = subprocess.run([*newer.words, "-version"], capture_output=True, text=True, check=True)
    assert "version 10." in said.stdout and not said.stderr


def _bzimage(payload):
    """A bzImage of one setup sector with this payload."""
    image = bytearray(1024)
    image[0x1F1], image[0x202:0x206] = 1, b"HdrS"
    struct.pack_into("<II", image, 0x248, 0, len(payload))
    return bytes(image) + payload


def test_kernels_are_unpacked(tmp_path):
    data = b"\x7fELF" + bytes(5000)
    size = struct.pack("<I", len(data))
    zstd = subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout
    for payload in (lzma.compress(data) + size, zstd + size):
        (tmp_path / "image").write_bytes(_bzimage(payload))
        assert images.unpack_bzimage(tmp_path / "image") == data
    (tmp_path / "image").write_bytes(_bzimage(b"LZ4 or what"))
    with pytest.raises(other_suites.LabError, match="neither xz nor zstd"):
        images.unpack_bzimage(tmp_path / "image")
