# SPDX-License-Identifier: Apache-2.0
"""The plugin that counts costly instructions, in each QEMU that has an interface for it, on a boot sector whose instructions
are known."""

import subprocess

import pytest

from bench import events
from lab import emulators
from lab.host import LabError
from lab.other_suites import why_not

END = bytes([0xB0, 0x00, 0xE6, 0xF4, 0xF4])  # mov $0, %al; out %al, $0xf4: the machine ends (status 1)


def _mark(kind):
    """A mark, with the prefix for a 32-bit displacement that 16-bit code needs."""
    return bytes([0x67, 0x0F, 0x1F, 0x80, kind]) + b"PXN"


SECTOR = (
    b"\x0f\xa2"  # cpuid, before the stretch
    + _mark(events.BEGIN)
    + b"\x0f\xa2" * 3
    + b"\x66\x31\xc0\x0f\x22\xd8"  # xor %eax, %eax; mov %eax, %cr3
    + b"\xe6\x80\xe6\x80"  # out %al, $0x80
    + b"\xf0\xff\x06\x00\x05"  # lock incw 0x500
    + b"\x87\x06\x00\x05"  # xchg %ax, 0x500
    + b"\xf3\x90\x90"  # pause; nop
    + b"\x66\xb9\x00\x01\x00\xc0\x66\x31\xd2\x0f\x30"  # mov $0xc0000100, %ecx; xor %edx, %edx; wrmsr
    + _mark(events.END)
    + _mark(events.ROW)
    + END
)
COUNTED = {"cpuid": 3, "mov-cr3": 1, "io": 2, "lock": 2, "pause": 1, "wrmsr": 1}


@pytest.fixture(name="emulator", params=list(events.PLUGINS))
def fixture_emulator(request):
    if why_not(emulators.find, request.param):
        pytest.skip(why_not(emulators.find, request.param))
    try:
        events.arguments(request.param, "/dev/null")
    except LabError as error:
        pytest.skip(str(error))
    return request.param


def _boot(emulator, plugin, sector):
    words = [
        *emulators.find(emulator).words,
        "-accel",
        "tcg",
        "-display",
        "none",
        "-net",
        "none",
        "-no-reboot",
        *plugin,
    ]
    words += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-drive", f"file={sector},format=raw"]
    return subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)


def test_known_instructions(emulator, tmp_path):
    (tmp_path / "sector").write_bytes(SECTOR.ljust(510, b"\0") + b"\x55\xaa")
    done = _boot(emulator, events.arguments(emulator, tmp_path / "events"), tmp_path / "sector")
    assert done.returncode == 1, done.stderr
    recorder = events.Recorder(tmp_path / "events")
    recorder.note_rows("row all=1.0 per 1\n")
    found = recorder.found["all"]
    # Instructions are counted by blocks of code, so at a mark those of its block are counted already.
    assert 10 <= found.pop("user.instructions") <= 20
    assert found == {f"user.{event}": count for event, count in COUNTED.items()}


@pytest.mark.parametrize("argument", ["", ",in=x", ",out=/nowhere/events"])
def test_bad_arguments_are_refused(emulator, argument, tmp_path):
    (tmp_path / "sector").write_bytes(bytes(512))
    plugin = events.arguments(emulator, "x")[1].partition(",")[0]
    done = _boot(emulator, ["-plugin", plugin + argument], tmp_path / "sector")
    assert done.returncode == 1 and ("events plugin" in done.stderr or "/nowhere/events" in done.stderr)
