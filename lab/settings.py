# SPDX-License-Identifier: Apache-2.0
"""What a machine is made of: one record of settings, checked, shared by ./run, ./test and the tests."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from lab import emulators
from lab.host import LabError

HYPERVISORS = ("proxenos", "xen", "none")
TOOLSTACKS = ("proxenos", "stock")
EMULATORS = tuple(emulators.FAMILIES)
KERNELS = ("6.1", "6.12")
DOORS = ("kernel", "multiboot", "multiboot2", "uefi")
# What tests add to real Xen's command line, not bench/: a millisecond is a tenth of the instructions here that it is on a
# processor, and each switch empties what the emulator remembers. Four guests that start at once take a third less time.
CALM_XEN = "sched_ratelimit_us=5000"
NICS = {"virtio": "virtio-net-pci", "e1000e": "e1000e", "rtl8139": "rtl8139"}
DISK_BUSES = ("virtio", "ahci")


@dataclass
class Settings:
    """One machine. Memory sizes in MiB; `hypervisor` may also be the path of an image."""

    hypervisor: str = "proxenos"
    toolstack: str = "proxenos"
    cpus: int = 1
    memory: int = 3072
    dom0_memory: int = 768
    disks: list = field(default_factory=list)  # [BUS:]FILE, raw unless the name ends in .qcow2
    nics: list = field(default_factory=lambda: ["virtio"])
    door: str = "kernel"
    hypervisor_args: str = ""
    kernel_args: str = ""
    micro_guest: str = ""  # an ELF started as dom0 in place of Linux
    emulator: str = "qemu"  # of the family "bochs": an Intel CPU, for micro guests only
    kernel: str = "6.1"  # dom0's, and the one that it has for guests
    icount: bool = False
    threads: str = ""  # TCG: "multi" or "single"; chosen by the host's cores if empty
    gdb: int = 0  # port; the machine waits for the debugger
    demo: bool = False
    device_model: bool = False  # QEMU in dom0, for guests with qcow2 disks
    unpacked_kernel: bool = True  # /boot/vmlinux in dom0, for guests that must start fast
    files: dict = field(default_factory=dict)  # {path in dom0: host path}, added to dom0's image
    packed_kernel: bool = False  # dom0's kernel as Debian ships it, although the door is "kernel"
    prepare: str = ""  # a shell script in dom0 whose effects belong to the template
    boot: bool = False  # boot it, even where a template would do
    qemu_args: list = field(default_factory=list)
    name: str = "machine"

    def check(self):
        """Raise LabError with one clear sentence for the first thing that cannot work."""
        if self.hypervisor not in HYPERVISORS and not Path(self.hypervisor).is_file():
            raise LabError(f"--hypervisor {self.hypervisor}: choose {', '.join(HYPERVISORS)} or the path of an image")
        _one_of("--toolstack", self.toolstack, TOOLSTACKS)
        _one_of("--door", self.door, DOORS)
        _one_of("--emulator", self.emulator, EMULATORS)
        _one_of("--kernel", self.kernel, KERNELS)
        _between("--cpus", self.cpus, 1, 255)
        _between("--memory", self.memory, 256, 1 << 20)
        if self.hypervisor != "none" and not self.micro_guest and self.memory < self.dom0_memory + 192:
            raise LabError(
                f"--memory {self.memory}: dom0 alone takes {self.dom0_memory} MiB, give at least "
                f"{self.dom0_memory + 192}"
            )
        for nic in self.nics:
            _one_of("--nic", nic, (*NICS, "none"))
        for disk in self.disks:
            _check_disk(disk)
        if self.icount and self.cpus != 1:
            raise LabError("--icount counts on one CPU only: leave --cpus at 1")
        if self.gdb and not 1 <= self.gdb <= 65535:
            raise LabError(f"--gdb {self.gdb}: a port is 1 to 65535")
        self._check_combinations()
        return self

    def _check_combinations(self):
        if self.micro_guest and not Path(self.micro_guest).is_file():
            raise LabError(f"--micro-guest {self.micro_guest}: no such file")
        if self.micro_guest and self.hypervisor == "none":
            raise LabError("--micro-guest needs a hypervisor: it is a paravirtual kernel")
        if emulators.family(self.emulator) == "bochs":
            if not self.micro_guest:
                raise LabError(f"--emulator {self.emulator} is too slow for Linux: give it a --micro-guest")
            if self.memory > 2048 or self.icount or self.gdb:
                raise LabError(f"--emulator {self.emulator}: at most 2048 MiB, and neither --icount nor --gdb")
        if self.hypervisor == "none" and self.door != "kernel":
            raise LabError("--door is about the hypervisor's boot: with --hypervisor none it stays 'kernel'")
        if "," in self.kernel_args and self.door == "kernel" and self.hypervisor != "none":
            raise LabError(
                "--kernel-args: with --door kernel QEMU takes a comma for the next module; use --door multiboot2"
            )


def _one_of(option, value, choices):
    if value not in choices:
        raise LabError(f"{option} {value}: choose one of {', '.join(choices)}")


def _between(option, value, low, high):
    if not low <= value <= high:
        raise LabError(f"{option} {value}: must be {low} to {high}")


def _disk(text):
    """(bus, path) of a --disk value."""
    bus, _, path = text.rpartition(":") if re.match(r"^(virtio|ahci):", text) else ("virtio", "", text)
    return bus, path


def _check_disk(text):
    _, path = _disk(text)
    if not Path(path).is_file():
        raise LabError(f"--disk {text}: no such file: {path}")
    if "," in path:
        raise LabError(f"--disk {text}: QEMU cannot take a comma in a file name")


def disks(settings):
    """The (bus, path) pairs of a machine."""
    return [_disk(text) for text in settings.disks]
