# SPDX-License-Identifier: Apache-2.0
"""Machines that go on from a template, on bare Linux: what they share with it and what is their own."""

import time

import pytest

from lab import templates
from lab.host import LabError
from lab.machine import Machine

FIELDS = {"hypervisor": "none", "memory": 1024}


def clone(name, **fields):
    return Machine(name=f"clone-{name}", **{**FIELDS, **fields})


def test_random_numbers_clock_and_files_are_its_own():
    ask = "od -An -tx1 -N16 /dev/urandom; cat /proc/sys/kernel/random/uuid; date +%s.%N"
    seen = []
    with clone("one") as one, clone("two") as two:
        assert one.template.key == two.template.key
        for machine in one, two:
            random, uuid, now = machine.run(ask).output.splitlines()
            assert abs(float(now) - time.time()) < 10
            seen += [random, uuid]
        one.check("echo mine > /root/mine")
        assert two.run("cat /root/mine").status != 0
    assert len(set(seen)) == 4


def test_its_log_begins_with_the_boot_and_its_console_with_the_prompt():
    with clone("log") as machine:
        assert "dom0: ready after" in machine.serial()
        machine.expect_console("dom0:~# ")
        machine.console.sendline("echo $((40+2))")
        machine.expect_console("42")


def test_disks_are_the_copys_own(tmp_path):
    """One template for disks of one size; each copy reads what is on its own, and writes to it."""
    for name in "ab":
        with open(tmp_path / name, "wb") as disk:
            disk.write(name.encode() * 512)
            disk.truncate(8 << 20)
    keys = set()
    for name in "ab":
        with clone("disks", disks=[f"virtio:{tmp_path}/{name}"]) as machine:
            keys.add(machine.template.key)
            assert machine.check("head -c 3 /dev/vda") == name * 3
            machine.check("printf new | dd of=/dev/vda conv=fsync,notrunc 2> /dev/null")
        assert (tmp_path / name).read_bytes()[:4] == b"new" + name.encode()
    assert len(keys) == 1


def test_prepared_once():
    with clone("prepared", prepare="date +%N > /root/when; sleep 1000 & echo $! > /root/who") as machine:
        when = machine.check("cat /root/when; kill -0 $(cat /root/who)")
    with clone("prepared", prepare="date +%N > /root/when; sleep 1000 & echo $! > /root/who") as machine:
        assert machine.check("cat /root/when; kill -0 $(cat /root/who)") == when


@pytest.fixture(name="own_folder")
def fixture_own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(templates, "FOLDER", tmp_path / "templates")


def damage(key):
    """A state that is as it was noted, but that no QEMU takes."""
    folder = templates.FOLDER / key
    (folder / "state").write_bytes(b"nothing that QEMU wrote")
    about = templates.json.loads((folder / "about.json").read_text())
    about["measures"] = templates._measures(folder)  # pylint: disable=protected-access
    (folder / "about.json").write_text(templates.json.dumps(about))


def test_what_does_not_load_is_made_anew_once(own_folder, monkeypatch, capsys):
    with clone("bad") as machine:
        key, made = machine.template.key, machine.template.about["measures"]
    damage(key)
    with clone("bad") as machine:
        assert machine.check("echo fine") == "fine\n"
        assert machine.template.about["measures"] != made
    assert f"the template {key} is made anew" in capsys.readouterr().err
    # And when the new one does not load either: QEMU's words.
    sound = templates.obtain

    def damaged(machine, make):
        sound(machine, make).release()
        damage(key)
        return sound(machine, make)

    monkeypatch.setattr(templates, "obtain", damaged)
    with pytest.raises(LabError, match="does not load: .*(?s:.*)(Not a migration stream|load of migration failed)"):
        clone("bad").start()


def test_without_room_it_boots(monkeypatch, capsys):
    monkeypatch.setattr(templates, "RESERVE_MIB", 1 << 40)
    with clone("room", kernel_args="lab.room=1") as machine:
        assert machine.template is None and machine.check("echo fine") == "fine\n"
    assert "no room for a template" in capsys.readouterr().err
