# SPDX-License-Identifier: Apache-2.0
"""Runs one column of the benchmark: boots its machine under -icount and lets the small programs count in it."""

import re
import shutil
import tempfile
from pathlib import Path

from bench import events, guests, rows, translations
from bench.counts import COLUMNS, cost, parse, program
from lab import images
from lab.host import ROOT, LabError, call, say
from lab.machine import Machine

PROGRAMS = {"rows": [], "first": [], "cost": [], "primitives": [], "io": [], "unpack": ["-llzma"]}  # {name: libraries}
# Xen's manual (misc/xen-command-line, global-pages): the default is to use them, but not on virtualised AMD, which the emulator
# is. The counts of instructions in bench/results.json were taken without it, which the report says (bench/modelled.py).
OPTIONS = {"xen": " global-pages=on"}
STAMP = re.compile(r"^\(XEN\) \[([0-9a-f]{16})\] (.*)$", re.M)


def programs(folder):
    """{path in dom0: host path} of the measuring programs, linked statically."""
    files = {}
    for name, libraries in PROGRAMS.items():
        source, target = ROOT / f"bench/programs/{name}.cpp", Path(folder) / name
        call(
            [
                "clang++-19",
                "-std=c++23",
                "-O2",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-static",
                "-s",
                "-I",
                ROOT,
                source,
                "-o",
                target,
                *libraries,
            ]
        )
        files[f"bench/{name}"] = target
    return files


def image_size(path):
    """MiB that an ELF's loadable segments take in memory."""
    text = call(["readelf", "-lW", path])
    sizes = re.findall(r"^\s*LOAD\s+\S+\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)", text, re.M)
    return sum(int(size, 16) for size in sizes) / (1 << 20)


def dom0_rows(machine, _):
    """What programs in dom0 pay."""
    return program(machine, "/bench/rows", 600)


def boot_rows(machine, name):
    """Instructions from reset to the steps of a boot, from the stamps of the log and of the first program."""
    found = parse(machine.check("cat /bench-first"))
    found["boot-kernel"] = found["boot-user"] - found.pop("boot-kernel-clock")
    found["boot-ready"] = machine.ready_ticks
    if name != "none":
        lines = [(int(stamp, 16), text) for stamp, text in STAMP.findall(machine.serial())]
        found["boot-line"] = lines[0][0]
        found["boot-building"] = next(stamp for stamp, text in lines if "Building a PV Dom0" in text)
    return found


def memory_rows(machine, name):
    """The hypervisor's own memory and the size of its image."""
    if name == "none":
        return {}
    pages = parse(machine.check("/bench/primitives memory"))
    own = pages["pages-total"] - pages["pages-free"] - pages["pages-domains"]
    return {"memory-hypervisor": own * 4096 / (1 << 20), "image": image_size(images.hypervisor(COLUMNS[name][0]))}


def primitive_rows(machine, name):
    """Hypercalls, events, grants, the store and the shortest commands."""
    found = {"exec": cost(machine, "exec", "/bench/rows nothing")}
    if name == "none":
        return found
    asked = " ".join(key for key in rows.PRIMITIVES if key not in ("exec", "xl-list"))
    found.update(program(machine, f"/bench/primitives {asked}"))
    found["xl-list"] = cost(machine, "xl-list", "xl list")
    return found


GROUPS = {
    "boot": boot_rows,
    "memory": memory_rows,
    "dom0": dom0_rows,
    "primitives": primitive_rows,
    "guest": guests.guest_rows,
    "life": guests.life_rows,
    "scale": guests.scale_rows,
    "io": guests.io_rows,
}


def column(name, groups, emulator="qemu"):
    """Measure the groups of one column: ({key: value}, what bench/cycles.py needs of it)."""
    hypervisor, toolstack = COLUMNS[name]
    folder = tempfile.mkdtemp(prefix="proxenos-bench-")
    found = {}
    try:
        files = programs(folder)
        files["bench/guest.cpio.gz"] = guests.archive(folder, files)
        with Machine(
            hypervisor=hypervisor,
            toolstack=toolstack,
            icount=True,
            emulator=emulator,
            qemu_args=events.arguments(emulator, f"{folder}/events"),
            packed_kernel=True,  # a boot as Debian ships it
            files=files,
            name=f"bench-{name}",
            hypervisor_args="console_timestamps=raw" + OPTIONS.get(hypervisor, ""),
            kernel_args="rdinit=/bench/first",
        ) as machine:
            machine.events = events.Recorder(f"{folder}/events")
            machine.ready_ticks = parse(machine.check("/bench/first"))["boot-user"]
            for group in groups:
                say(f"{name}: {group}")
                try:
                    found.update(GROUPS[group](machine, name))
                except (LabError, KeyError, StopIteration) as error:
                    if not machine.alive():
                        raise
                    say(f"{name}: {group} could not be measured: {error}")
            seen = {"rows": machine.events.found, "survive": translations.survivors(machine)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found, seen
