# SPDX-License-Identifier: Apache-2.0
"""dom0's kernel in every packing that Linux's build has: the micro guest as a bzImage, on Proxenos and on Xen."""

import subprocess

import pytest
from test_micro import GUEST, console

PROGRAMS = {
    "gzip": "gzip -n -9 -c",
    "bzip2": "bzip2 -9 -c",
    "xz": "xz --check=crc32 --x86 --lzma2=dict=32MiB -c",
    "lzma": "xz --format=lzma -9 -c",
    "lz4": "lz4 -q -l -9 -c",
    "zstd": "zstd -q -22 --ultra -c",
    "lzo": "lzop -9 -c",
    "none": "cat",
}


@pytest.fixture(name="hypervisor", scope="module")
def fixture_hypervisor(request):
    return request.config.getoption("--hypervisor")


def bzimage(payload):
    """A bzImage of boot protocol 2.15: one sector of setup, then the payload."""
    header = bytearray(0x400)
    header[0x1F1] = 1
    header[0x202:0x208] = b"HdrS\x0f\x02"
    header[0x248:0x250] = (0).to_bytes(4, "little") + len(payload).to_bytes(4, "little")
    return bytes(header) + payload


def packed(packing):
    """The micro guest so packed, with its size behind it where the packing has it not itself."""
    plain = GUEST.read_bytes()
    data = subprocess.run([*PROGRAMS[packing].split(), GUEST], capture_output=True, check=True).stdout
    return data if packing in ("gzip", "none") else data + len(plain).to_bytes(4, "little")


@pytest.mark.parametrize("packing", PROGRAMS)
def test_packing(packing, hypervisor, tmp_path):
    kernel = tmp_path / f"{packing}.bzimage"
    kernel.write_bytes(bzimage(packed(packing)))
    log = console(hypervisor, "version_is_4_17", cpus=1, guest=kernel)
    assert "MICRO-PASS version_is_4_17\n" in log and "MICRO-END" in log, log[-3000:]


def test_damage_has_its_sentence(hypervisor, tmp_path):
    """A kernel that was cut short ends the start with what is wrong. Damage in each packing: tests/unit and tests/fuzz."""
    if hypervisor == "xen":
        pytest.skip("it has other words")
    data = packed("zstd")
    kernel = tmp_path / "cut.bzimage"
    kernel.write_bytes(bzimage(data[: len(data) // 2] + data[-4:]))
    log = console(hypervisor, "version_is_4_17", cpus=1, guest=kernel)
    assert "Dom0's kernel: the zstd data cannot be unpacked: bad or short data" in log, log[-3000:]
