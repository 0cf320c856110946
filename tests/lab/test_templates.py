# SPDX-License-Identifier: Apache-2.0
"""Templates: what their names depend on, who makes them, what is thrown away; without machines."""

import fcntl
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from lab import host, images, qemu, templates
from lab.host import LabError, content
from lab.settings import Settings

STATE = b"state"


@pytest.fixture(name="parts", autouse=True)
def fixture_parts(tmp_path, monkeypatch):
    """Small files in place of all images, and a folder for templates; gives the files' folder."""
    for name in ("hypervisor", "kernel", "dom0", "emulator", "tool"):
        (tmp_path / name).write_text(name)
    (tmp_path / "emulator").chmod(0o755)
    monkeypatch.setattr(templates, "FOLDER", tmp_path / "templates")
    monkeypatch.setattr(templates, "RESERVE_MIB", 0)
    monkeypatch.setattr(images, "hypervisor", lambda name: tmp_path / "hypervisor")
    monkeypatch.setattr(images, "dom0_kernel", lambda machine: tmp_path / "kernel")
    monkeypatch.setattr(
        images, "initrd_parts", lambda machine: ([tmp_path / "dom0"], {"bin/tool": tmp_path / "tool", **machine.files})
    )
    monkeypatch.setattr(templates.shutil, "which", lambda name: str(tmp_path / "emulator"))
    return tmp_path


def make(machine, folder, made=None):
    """A template's maker that boots nothing."""
    if made is not None:
        made.append(machine)
    (folder / "ram").write_bytes(bytes(8192))
    (folder / "state").write_bytes(STATE)
    (folder / "log").write_text("log")
    return 1.5


def maker(made):
    return lambda machine, folder: make(machine, folder, made)


@pytest.mark.parametrize(
    "fields",
    [
        {"hypervisor": "none"},
        {"hypervisor": "xen"},
        {"cpus": 2},
        {"memory": 2048},
        {"dom0_memory": 700},
        {"nics": []},
        {"nics": ["e1000e"]},
        {"nics": ["virtio", "e1000e"]},
        {"hypervisor_args": "xpti=on"},
        {"kernel_args": "nosmp"},
        {"demo": True},
        {"prepare": "true"},
        {"qemu_args": ["-cpu", "max"]},
        {"threads": "single"},
    ],
)
def test_each_setting_is_in_the_name(fields):
    plain = Settings(threads="multi")
    assert templates.key(replace(plain, **fields)) != templates.key(plain)


def test_the_order_of_devices_is_in_the_name():
    names = {templates.key(Settings(nics=nics)) for nics in (["virtio", "e1000e"], ["e1000e", "virtio"])}
    assert len(names) == 2


@pytest.mark.parametrize("name", ["hypervisor", "kernel", "dom0", "emulator", "tool"])
@pytest.mark.parametrize("size", [10, 200_000])
def test_each_files_bytes_are_in_the_name(name, size, parts):
    """Small and large ones (whose sums are noted), with a change that leaves the size."""
    seen = set()
    for letter in b"ab":
        (parts / name).write_bytes(bytes([letter]) * size)
        seen.add(templates.key(Settings()))
        time.sleep(0.01)  # a time stamp of the file system
    assert len(seen) == 2


def test_notes_of_threads(tmp_path, monkeypatch):
    """Two that find out the same at once, as cells do that boot side by side: each gets it."""
    together, rename = threading.Barrier(2, timeout=60), Path.rename

    def find():
        together.wait()
        return "found"

    def rename_together(path, target):
        together.wait()
        return rename(path, target)

    monkeypatch.setattr(host, "CACHE", tmp_path)
    monkeypatch.setattr(Path, "rename", rename_together)
    with ThreadPoolExecutor(2) as pool:
        said = [pool.submit(host.noted, "notes", "name", find) for _ in range(2)]
    assert [each.result() for each in said] == ["found"] * 2


def test_added_files_are_in_the_name(parts):
    (parts / "more").write_text("1")
    one = templates.key(Settings(files={"bench/more": parts / "more"}))
    (parts / "more").write_text("2")
    two = templates.key(Settings(files={"bench/more": parts / "more"}))
    assert len({one, two, templates.key(Settings())}) == 3


def test_disks_count_by_size_alone(parts):
    """What is on them is read when a copy wakes; where they lie does not matter."""
    for name, size in ("a", 1 << 20), ("b", 1 << 20), ("c", 2 << 20):
        (parts / name).write_bytes(os.urandom(4096))
        os.truncate(parts / name, size)
    a, b, c = (templates.key(Settings(disks=[f"virtio:{parts}/{name}"])) for name in "abc")
    assert a == b != c
    assert templates.key(Settings(disks=[f"ahci:{parts}/a"])) != a


def test_what_does_not_change_the_machine_is_not_in_the_name(parts):
    assert templates.key(Settings(name="other")) == templates.key(Settings())
    before = content(parts / "dom0")
    (parts / "dom0").touch()
    assert content(parts / "dom0") == before


@pytest.mark.parametrize(
    "fields",
    [{"boot": True}, {"door": "uefi"}, {"icount": True}, {"gdb": 1}, {"micro_guest": "/x"}, {"emulator": "bochs"}],
)
def test_what_is_about_booting_has_none(fields):
    assert templates.fits(Settings()) and not templates.fits(Settings(**fields))


def test_made_once_and_found_again():
    made = []
    first = templates.obtain(Settings(), maker(made))
    second = templates.obtain(Settings(), maker(made))
    assert len(made) == 1 and first.folder == second.folder
    assert first.state.read_bytes() == STATE and first.about["cpu"] == 1.5
    assert not list(templates.FOLDER.glob(".*"))


def test_disks_of_a_template_are_blank(parts):
    (parts / "mine").write_bytes(b"x" * 4096)
    made = []
    templates.obtain(Settings(disks=[f"{parts}/mine"]), maker(made)).release()
    assert made[0].disks[0].startswith("virtio:") and "mine" not in made[0].disks[0]
    assert (parts / "mine").read_bytes() == b"x" * 4096
    assert not list(next(templates.FOLDER.glob("*/in-use")).parent.glob("disk*"))


def test_two_makers_at_once_make_one():
    made, found, slow = [], [], threading.Event()

    def slowly(machine, folder):
        slow.wait(5)
        return make(machine, folder, made)

    threads = [threading.Thread(target=lambda: found.append(templates.obtain(Settings(), slowly))) for _ in range(4)]
    for thread in threads:
        thread.start()
    slow.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and len(found) == 4 and len({template.key for template in found}) == 1


def test_half_made_is_not_found_and_is_removed():
    def dies(machine, folder):
        make(machine, folder)
        raise LabError("no power")

    with pytest.raises(LabError, match="no power"):
        templates.obtain(Settings(), dies)
    assert not templates.listing() and not list(templates.FOLDER.glob(".*"))
    # One whose maker was killed leaves its folder: the next maker takes it away.
    left = templates.FOLDER / f".{templates.key(Settings())}.1"
    left.mkdir()
    make(None, left)
    made = []
    templates.obtain(Settings(), maker(made)).release()
    assert made and not left.exists()


@pytest.mark.parametrize("file", ["ram", "state", "log", "about.json"])
@pytest.mark.parametrize("damage", ["longer", "gone", "other"])
def test_doubtful_is_made_anew(file, damage):
    templates.obtain(Settings(), make).release()
    path = templates.FOLDER / templates.key(Settings()) / file
    if damage == "gone":
        path.unlink()
    else:
        data = path.read_bytes()
        time.sleep(0.01)  # a time stamp of the file system
        path.write_bytes(data + b"x" if damage == "longer" else b"y" + data[1:])
    made = []
    found = templates.obtain(Settings(), maker(made))
    assert len(made) == 1 and found.state.read_bytes() == STATE


def test_discarded_is_made_anew_and_its_users_keep_it():
    first = templates.obtain(Settings(), make)
    with open(first.ram, "rb") as mapped:
        first.discard()
        made = []
        templates.obtain(Settings(), maker(made)).release()
        assert made and len(mapped.read()) == 8192


def test_number_is_bounded_and_what_is_in_use_stays(monkeypatch):
    monkeypatch.setattr(templates, "MOST", 3)
    used = templates.obtain(Settings(cpus=1), make)
    os.utime(used.folder / "in-use", (1, 1))
    for cpus in range(2, 7):
        templates.obtain(Settings(cpus=cpus), make).release()
        os.utime(templates.FOLDER / templates.key(Settings(cpus=cpus)) / "in-use", (cpus, cpus))
    kept = {row[0] for row in templates.listing()}
    assert kept == {templates.key(Settings(cpus=cpus)) for cpus in (1, 5, 6)}
    assert [row[0] for row in templates.listing() if row[4]] == [used.key]


def test_bytes_are_bounded(monkeypatch):
    monkeypatch.setattr(templates, "MOST_MIB", 2)
    monkeypatch.setattr(templates, "estimate", lambda machine: 1 << 20)
    for cpus in 1, 2, 3:
        templates.obtain(
            Settings(cpus=cpus),
            lambda machine, folder: (make(machine, folder), (folder / "ram").write_bytes(os.urandom(900 << 10)), 1)[2],
        ).release()
        os.utime(templates.FOLDER / templates.key(Settings(cpus=cpus)) / "in-use", (cpus, cpus))
    assert len(templates.listing()) == 2 and templates.key(Settings()) not in {row[0] for row in templates.listing()}


def test_full_disk_is_said_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(templates.shutil, "disk_usage", lambda path: _Usage)
    made = []
    with pytest.raises(templates.NoRoom, match="5 MiB free, a template may take .* and 0 must stay free"):
        templates.obtain(Settings(), maker(made))
    assert not made and not list(templates.FOLDER.glob("*/")) and not list(templates.FOLDER.glob(".*"))


class _Usage:
    free = 5 << 20


def test_clear_keeps_what_is_in_use():
    used = templates.obtain(Settings(cpus=1), make)
    templates.obtain(Settings(cpus=2), make).release()
    assert templates.clear() == (1, 1)
    used.release()
    assert templates.clear() == (1, 0)
    assert not list(templates.FOLDER.glob("*"))


def test_description_is_a_line_for_run(parts):
    (parts / "d").write_bytes(b"")
    words = templates.describe(
        Settings(hypervisor="xen", toolstack="stock", cpus=2, kernel_args="a b", disks=[f"{parts}/d"])
    )
    assert words == f"--hypervisor xen --toolstack stock --cpus 2 --kernel-args 'a b' --disk {parts}/d"


def test_a_copys_command_line_has_its_own_sockets_and_private_memory(tmp_path):
    words = " ".join(qemu.clone_command(Settings(hypervisor="xen"), tmp_path, False, "/log", "/ram"))
    assert "mem-path=/ram,share=off" in words and f"path={tmp_path}/agent" in words and "-incoming defer" in words
    assert "-initrd" not in words


def test_no_lock_is_left_held():
    templates.obtain(Settings(), make).release()
    with open(templates.FOLDER / templates.key(Settings()) / "in-use", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
