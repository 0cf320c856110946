# SPDX-License-Identifier: Apache-2.0
"""The emulators that the lab can use: the system's QEMU and Bochs, and newer ones beside them, unpacked into .cache/ from
Debian packages and never installed."""

import functools
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from lab import debian
from lab.host import LAB, LabError, words
from lab.other_suites import RELEASE, Absent, Suite, unpacked

# Name: what kind of program it is.
FAMILIES = {"qemu": "qemu", "qemu-10": "qemu", "bochs": "bochs", "bochs-3": "bochs"}
LIBRARIES = "usr/lib/x86_64-linux-gnu"


@dataclass(frozen=True)
class Emulator:
    """How one emulator is started."""

    command: tuple  # the program, and the options that every machine needs
    environment: dict = field(default_factory=dict)  # variables beside the caller's
    cpu: str = ""  # QEMU: the -cpu that hypervisors run on without harm
    share: Path = Path("/usr/share/bochs")  # Bochs: where its BIOS lies

    @property
    def program(self):
        """Where the program itself lies."""
        found = shutil.which(str(self.command[0]))
        if not found:
            raise LabError(f"{self.command[0]} is not installed (lab/packages.txt)")
        return found

    @property
    def words(self):
        """The command with its variables set."""
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        return [*(["env", *variables] if variables else []), *map(str, self.command)]


def family(name):
    """ "qemu" or "bochs"."""
    return FAMILIES[name]


@functools.cache
def find(name):
    """The emulator of that name, fetched when it is not there yet. Raises Absent when it cannot be had."""
    return {"qemu": _qemu, "qemu-10": _qemu_10, "bochs": _bochs, "bochs-3": _bochs_3}[name]()


def _qemu():
    # SMAP and RDTSCP: QEMU 7.2 makes IRET at CPL 3 read the stack as supervisor, and reports intercepted RDTSCP as RDTSC.
    return Emulator(("qemu-system-x86_64",), cpu="max,-smap,-rdtscp")


def _qemu_10():
    """Backports' build runs with the libraries that the release's own QEMU needs, which lab/packages.txt has installed."""
    names = words(LAB / "lists/packages-qemu-10.txt")
    root = unpacked("qemu-10", Suite(f"{RELEASE}-backports").fetch("qemu-10", names, lambda: names))
    program = root / "usr/bin/qemu-system-x86_64"
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    missing = [line.split()[0] for line in linked.splitlines() if "not found" in line]
    if missing:
        raise Absent(f"QEMU 10 needs libraries that this host does not have: {', '.join(missing)}")
    firmware = ("-L", root / "usr/share/qemu", "-L", root / "usr/share/seabios", "-L", "/usr/lib/ipxe/qemu")
    return Emulator((program, *firmware), {"QEMU_MODULE_DIR": root / LIBRARIES / "qemu"}, cpu="max")


def _bochs():
    if not shutil.which("bochs"):
        raise Absent("the packages bochs, bochs-term, bochsbios and vgabios are not installed")
    return Emulator(("bochs",))


def _bochs_3():
    """The next release's build, with that release's loader and libraries: the host's are too old for it."""
    suite, list_file = Suite("trixie"), LAB / "lists/packages-bochs-3.txt"
    archives = suite.fetch("bochs-3", words(list_file), lambda: suite.closure(*debian.wishes(list_file)))
    root = unpacked("bochs-3", archives)
    loader = root / "usr/lib64/ld-linux-x86-64.so.2"
    command = (loader, "--library-path", root / LIBRARIES, root / "usr/bin/bochs-bin")
    variables = {"LTDL_LIBRARY_PATH": str(root / LIBRARIES / "bochs/plugins"), "BXSHARE": str(root / "usr/share/bochs")}
    linked = subprocess.run([*command[:3], "--list", command[3]], capture_output=True, text=True, check=False)
    if linked.returncode or "not found" in linked.stdout:
        raise LabError(f"Bochs 3 does not find its libraries:\n{(linked.stdout + linked.stderr)[-500:]}")
    return Emulator(command, variables, share=root / "usr/share/bochs")
