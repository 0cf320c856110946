# SPDX-License-Identifier: Apache-2.0
"""Core files of guests: what readelf says of them, what is in them, and what a full disk does."""

import base64
import re
import struct
import subprocess

import pytest

CORE = "/core/guest.core"


@pytest.fixture
def room(dom0):
    """A place for cores: dom0's root is too small for those of stock tools, which have no holes."""
    dom0.out("mkdir -p /core && mount -t tmpfs -o size=320M none /core")
    yield dom0
    dom0.run("umount -l /core")


class Core:
    """A core file in dom0, its headers and its list of pages read here."""

    def __init__(self, dom0, path, folder):
        self.dom0, self.path = dom0, path
        self.size = int(dom0.out(f"stat -c %s {path}"))
        self.local = folder / "core"
        with open(self.local, "wb") as file:
            file.truncate(self.size)
        self.fetch(0, 4096)
        names = self.elf("-S").split("[ 1]")[1]
        self.fetch(*self._place(names))
        self.sections = {}
        for line in self.elf("-S").splitlines():
            if found := re.match(r"\s*\[ *\d+\] (\.\S+)\s+\w+\s+\w+ (\w+) (\w+) (\w+)", line):
                self.sections[found[1]] = tuple(int(found[i], 16) for i in (2, 3))

    @staticmethod
    def _place(line):
        offset, size = re.search(r"STRTAB\s+\w+ (\w+) (\w+)", line).groups()
        return int(offset, 16), int(size, 16)

    def read(self, offset, size):
        """Bytes of the file."""
        first, skip = divmod(offset, 4096)
        count = (skip + size + 4095) // 4096
        text = self.dom0.out(f"dd if={self.path} bs=4096 skip={first} count={count} 2> /dev/null | base64 -w 0", 120)
        return base64.b64decode(text)[skip : skip + size]

    def fetch(self, offset, size):
        """The same, into the local copy for readelf."""
        with open(self.local, "r+b") as file:
            file.seek(offset)
            file.write(self.read(offset, size))

    def elf(self, what):
        """What readelf says, which must not be a complaint."""
        said = subprocess.run(["readelf", "-W", what, self.local], capture_output=True, text=True, check=True)
        assert not said.stderr.strip() or what == "-S", said.stderr
        return said.stdout

    def note(self, kind):
        """Descriptor of a note of .note.Xen."""
        offset, size = self.sections[".note.Xen"]
        data = self.read(offset, size)
        while data:
            name, length, number = struct.unpack_from("<III", data)
            assert data[12:16] == b"Xen\0" and name == 4
            if number == kind:
                return data[16 : 16 + length]
            data = data[16 + length :]
        raise AssertionError(f"no note {kind:#x}")

    def frames(self):
        """Numbers of the pages, in the order in which they lie in the file."""
        table, width = (".xen_p2m", 2) if ".xen_p2m" in self.sections else (".xen_pfn", 1)
        data = self.read(*self.sections[table])
        return [row[0] for row in struct.iter_unpack("<" + "Q" * width, data)]

    def page(self, frame):
        """One page of the guest."""
        return self.read(self.sections[".xen_pages"][0] + self.frames().index(frame) * 4096, 4096)


def check_headers(core, magic):
    """What the format asks of every file."""
    assert "CORE (Core file)" in core.elf("-h")
    assert {".note.Xen", ".xen_prstatus", ".xen_pages"} < set(core.sections)
    found, vcpus, pages, page_size = struct.unpack("<4Q", core.note(0x2000001))
    assert (found, page_size) == (magic, 4096) and vcpus >= 1
    assert core.sections[".xen_pages"][1] == pages * 4096
    assert core.sections[".xen_prstatus"][1] == vcpus * 5168
    assert struct.unpack("<2Q", core.note(0x2000002)[:16]) == (4, 17)
    assert struct.unpack("<Q", core.note(0x2000003)) == (1,)
    frames = core.frames()
    assert len(frames) == pages == len(set(frames))
    return pages


def banner_frame(dom0):
    """The guest frame that begins with or holds the kernel's version string, from the kernel's own ELF file."""
    head = base64.b64decode(dom0.out("head -c 4096 /boot/vmlinux | base64 -w 0"))
    at = int(dom0.out("grep -abo 'Linux version 6' /boot/vmlinux | head -1").split(":")[0])
    (start,) = struct.unpack_from("<Q", head, 32)
    for index in range(struct.unpack_from("<H", head, 56)[0]):
        kind, _, offset, _, physical, size = struct.unpack_from("<IIQQQQ", head, start + 56 * index)
        if kind == 1 and offset <= at < offset + size:
            return (physical + at - offset) // 4096
    raise AssertionError("the version string is in no segment")


def test_core_of_a_pv_guest(room, tmp_path):
    """Headers as readelf reads them, and the page where the kernel's version string must be."""
    guest = room.guest(memory=128, vcpus=2).up()
    room.out("xl pause guest")
    room.out(f"xl dump-core guest {CORE}", 240)
    core = Core(room, CORE, tmp_path)
    assert ".xen_p2m" in core.sections and ".xen_shared_info" in core.sections
    pages = check_headers(core, 0xF00FEBED)
    assert 0.9 * 128 * 256 < pages <= 128 * 256
    assert b"Linux version 6.1" in core.page(banner_frame(room))
    room.out("xl unpause guest")
    assert guest.run("echo goes on")[1].strip() == "goes on"


def test_core_of_a_pvh_guest(cell, room, tmp_path):
    """Its own frame numbers; the start info lies behind the kernel."""
    if cell.toolstack != "proxenos":
        pytest.skip("stock xl's core of a PVH guest names some frames twice")
    if "hvm" not in room.info("virt_caps"):
        pytest.skip("this hypervisor has no hardware-assisted machines")
    room.guest(type='"pvh"', memory=128, options="-p")
    room.out(f"xl dump-core guest {CORE}", 240)
    core = Core(room, CORE, tmp_path)
    assert ".xen_pfn" in core.sections
    pages = check_headers(core, 0xF00FEBEE)
    assert 128 * 256 < pages < 128 * 256 + 64
    assert b"Linux version 6.1" in core.page(banner_frame(room))
    assert {0xFEFFC, 0xFEFFF} < set(core.frames())


def test_full_disk_leaves_nothing(cell, room):
    if cell.toolstack != "proxenos":
        pytest.skip("stock xl leaves what it had written")
    room.guest(memory=128).up()
    room.out("mkdir -p /small && mount -t tmpfs -o size=4M none /small")
    said = room.fails("xl dump-core guest /small/core", 120)
    assert "No space left" in said
    assert room.out("ls /small").strip() == ""
    room.out("umount /small")
    assert "No such file" in room.fails("xl dump-core guest /nowhere/core")
    assert "nosuch" in room.fails("xl dump-core nosuch /core/x")


def test_crash_is_dumped_and_restarted(room):
    """on_crash = coredump-restart."""
    room.out(
        "mkdir -p /var/lib/xen && rm -rf /var/lib/xen/dump && mkdir /core/dump && ln -s /core/dump /var/lib/xen/dump"
    )
    guest = room.guest(memory=128, on_crash='"coredump-restart"', extra="oops=panic").up()
    first = guest.domid
    room.run(f"echo 'echo c > /proc/sysrq-trigger' > $(xenstore-read /local/domain/{first}/console/tty)")
    room.until(lambda: room.rows().get("guest", (first,))[0] > first, "no new domain of that name", 120)
    assert room.out("head -c 4 /var/lib/xen/dump/guest | od -A n -t x1").split() == ["7f", "45", "4c", "46"]
    room.out("rm /var/lib/xen/dump")
