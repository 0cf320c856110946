# SPDX-License-Identifier: Apache-2.0
"""Bad input to ./run gets one clear sentence; good input becomes the QEMU command line it should."""

import subprocess
from pathlib import Path

import pytest

from lab import qemu, run
from lab.host import ROOT, LabError
from lab.settings import Settings


@pytest.mark.parametrize(
    "fields, word",
    [
        ({"hypervisor": "kvm"}, "--hypervisor"),
        ({"toolstack": "xm"}, "--toolstack"),
        ({"door": "cat-flap"}, "--door"),
        ({"cpus": 0}, "--cpus"),
        ({"cpus": 256}, "--cpus"),
        ({"memory": 16}, "--memory"),
        ({"memory": 800}, "dom0 alone"),
        ({"nics": ["ne2000"]}, "--nic"),
        ({"disks": ["/nowhere"]}, "--disk"),
        ({"icount": True, "cpus": 2}, "--icount"),
        ({"gdb": 70000}, "--gdb"),
        ({"micro_guest": "/nowhere"}, "--micro-guest"),
        ({"hypervisor": "none", "door": "uefi"}, "--door"),
        ({"emulator": "simics"}, "--emulator simics: choose one of qemu, qemu-10, bochs, bochs-3$"),
        ({"emulator": "bochs"}, "--emulator bochs"),
        ({"emulator": "bochs-3", "micro_guest": __file__, "icount": True}, "--emulator bochs-3"),
        ({"kernel": "2.6"}, "--kernel 2.6: choose one of 6.1, 6.12$"),
        ({"kernel_args": "a,b"}, "comma"),
    ],
)
def test_refused(fields, word):
    with pytest.raises(LabError, match=word):
        Settings(**fields).check()


@pytest.mark.parametrize("arguments", [["--cpus", "0"], ["--cpus", "many"], ["--nic", "x"], ["--nonsense"]])
def test_command_refuses(arguments):
    """Without a traceback, with a status that no command of dom0's has by accident, and nothing on standard output."""
    done = subprocess.run([ROOT / "run", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (2, 125)
    assert done.stdout == "" and done.stderr and "Traceback" not in done.stderr


def test_test_command_refuses():
    done = subprocess.run([ROOT / "test", "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "nonsense" in done.stderr


def test_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr(qemu, "modules", lambda machine, work: [("/k", "console=hvc0"), ("/i", "")])
    monkeypatch.setattr(qemu.images, "hypervisor", lambda name: Path("/h"))
    (tmp_path / "d.img").write_bytes(b"")
    machine = Settings(
        hypervisor="xen",
        cpus=1,
        memory=2048,
        nics=["e1000e", "virtio"],
        disks=[f"ahci:{tmp_path}/d.img"],
        hypervisor_args="sync_console",
        icount=True,
        gdb=1,
    ).check()
    words = qemu.command(machine, tmp_path, False, tmp_path / "log")
    line = " ".join(words)
    assert words[words.index("-initrd") + 1] == "/k console=hvc0,/i"
    assert words[words.index("-append") + 1].endswith("spec-ctrl=eager-fpu sync_console")
    assert "-icount shift=0,sleep=off" in line and "-gdb tcp::1 -S" in line and "e1000e,netdev=net0" in line
    assert "ide-hd" in line and "-m 2048" in line


def test_interactive_gets_the_demo_and_a_command_does_not():
    parse = run.parser().parse_args
    assert run.settings(parse(["--hypervisor", "xen"])).demo
    assert not run.settings(parse(["--hypervisor", "xen", "--", "true"])).demo
    assert run.settings(parse(["--hypervisor", "xen", "--demo", "--", "true"])).demo


def test_the_older_word_for_the_emulator():
    parse = run.parser().parse_args
    assert parse(["--machine", "bochs"]).emulator == parse(["--emulator", "bochs"]).emulator == "bochs"
    assert parse([]).emulator == "qemu"
