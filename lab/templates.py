# SPDX-License-Identifier: Apache-2.0
"""Machines that were booted once and are kept, from which later ones of the same kind go on.

A template is a folder of .cache/templates/, named by a hash of everything that the machine is made of:

    ram          its memory, a file with holes; copies map it privately
    state        what QEMU keeps of devices and CPUs
    log          what COM1 had said
    about.json   written last: sizes and sums of the others, for whom it was made, what the boot cost

Locks, all of them flock: KEY.lock beside the folder is held while a template is made, so that others wait for it instead of
making it too; `in-use` in the folder is held, shared, by each machine that runs from it, and exclusively by whoever takes it
away. A folder under construction has another name (.KEY.PID) and gets its own by renaming it when it is whole.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from lab import emulators, images, qemu, settings as kinds
from lab.host import CACHE, LabError, call, content, say

FORMAT = 1  # counts what this file, lab/machine.py and the wire to the agent expect of a template
FOLDER = CACHE / "templates"
MIB = 1 << 20
# Bounds of the whole folder, and what must stay free on its disk.
MOST = int(os.environ.get("PROXENOS_TEMPLATES", 32))
MOST_MIB = int(os.environ.get("PROXENOS_TEMPLATES_MIB", 16384))
RESERVE_MIB = 512


class NoRoom(LabError):
    """The disk has no room for one more template."""


@dataclass
class Template:
    """One that is whole, held for use until release()."""

    key: str
    folder: Path
    about: dict
    lock: int  # file descriptor

    ram = property(lambda self: self.folder / "ram")
    state = property(lambda self: self.folder / "state")
    log = property(lambda self: self.folder / "log")

    def release(self):
        """No longer used by this machine."""
        if self.lock >= 0:
            os.close(self.lock)
        self.lock = -1

    def discard(self):
        """It is of no use: nobody shall find it again. Machines that run from it keep what they have mapped."""
        with _making(self.key):
            if self.folder.exists() and _same(self.lock, self.folder / "in-use"):
                _remove(self.folder)
        self.release()


def fits(machine):
    """Whether a machine can come from a template: its boot is not what it is about, and nothing in it counts from power-on."""
    return (
        not (machine.boot or machine.micro_guest or machine.icount or machine.gdb)
        and machine.door == "kernel"
        and emulators.family(machine.emulator) == "qemu"
    )


# Names


def disk_sizes(machine):
    """Bytes that the machine sees of each disk."""
    sizes = []
    for _, path in kinds.disks(machine):
        with open(path, "rb") as file:
            head = file.read(32)
        qcow2 = path.endswith(".qcow2") and head[:4] == b"QFI\xfb"
        sizes.append(int.from_bytes(head[24:32], "big") if qcow2 else Path(path).stat().st_size)
    return sizes


def inputs(machine):
    """Everything that a template depends on: {what: value}, values as text or lists of it."""
    blank = _with_disks(machine, "/DISK", create=False)
    words = qemu.hardware(blank, Path("/WORK"), False, "/LOG")
    emulator = emulators.find(machine.emulator).program
    parts, files = images.initrd_parts(machine)
    found = {
        "format": FORMAT,
        "emulator": [emulator, content(emulator)],
        "host": _host_clock(),
        "hardware": words[1:],
        "disks": disk_sizes(machine),
        "kernel": content(images.dom0_kernel(machine)),
        "kernel arguments": qemu.kernel_arguments(machine),
        "dom0": [content(part) for part in parts],
        "files": sorted([str(inside), content(outside)] for inside, outside in files.items()),
        "prepare": machine.prepare,
    }
    if machine.hypervisor != "none":
        found["hypervisor"] = content(images.hypervisor(machine.hypervisor))
        found["hypervisor arguments"] = qemu.hypervisor_arguments(machine)
    return found


def _host_clock():
    """The emulated time stamp counter ticks as the host's does, and what runs in the machine has measured it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def key(machine):
    """The name of a machine's template."""
    text = json.dumps(inputs(machine), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _with_disks(machine, prefix, create=True):
    """The same machine with blank disks PREFIX0 ... in place of its own: a template knows their sizes alone, and what a
    copy's disks hold is read when it wakes."""
    disks = []
    for number, ((bus, _), size) in enumerate(zip(kinds.disks(machine), disk_sizes(machine))):
        path = f"{prefix}{number}"
        disks.append(f"{bus}:{path}")
        if create:
            with open(path, "wb") as file:
                file.truncate(size)
    return replace(machine, disks=disks) if disks else machine


# Finding and making


def obtain(machine, make):
    """The template of a machine, held for use. Where there is none, `make(machine, folder)` makes ram, state and log, once
    for all who wait; it gets the machine with blank disks. NoRoom when there is no space for it."""
    name = key(machine)
    found = _take(name)
    if found:
        return found
    with _making(name):
        found = _take(name)  # by whom we waited for
        if found:
            return found
        _make(machine, name, make)
        found = _take(name)
    if not found:
        raise LabError(f"the template {name} was made, but is not whole")
    return found


def _take(name):
    """A whole template, held; None when there is none. One that is not as it was made is thrown away by who makes the next."""
    folder = FOLDER / name
    try:
        lock = os.open(folder / "in-use", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    fcntl.flock(lock, fcntl.LOCK_SH)
    about = _about(folder)
    if about is None or not _same(lock, folder / "in-use"):
        os.close(lock)
        return None
    os.utime(lock)  # when it was used last
    return Template(name, folder, about, lock)


def _same(lock, path):
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(lock), os.stat(path))
    except OSError:
        return False


def _measures(folder):
    """What must not change: sizes, the memory's time of writing, the state's and the log's sums."""
    ram = (folder / "ram").stat()
    return {
        "ram": [ram.st_size, ram.st_mtime_ns],
        "state": hashlib.sha256((folder / "state").read_bytes()).hexdigest(),
        "log": hashlib.sha256((folder / "log").read_bytes()).hexdigest(),
    }


def _about(folder):
    """What about.json says, when it is of this format and everything is as it tells; else None."""
    try:
        about = json.loads((folder / "about.json").read_text())
        return about if about["format"] == FORMAT and about["measures"] == _measures(folder) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def _making(name, wait=True):
    """Alone in making or removing the template of this name. Yields whether that is so (always, when it waits)."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / f"{name}.lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def _make(machine, name, make):
    target = FOLDER / name
    if target.exists():
        _remove(target)
    for left in FOLDER.glob(f".{name}.*"):  # of one that was killed
        _remove(left)
    make_room(estimate(machine))
    folder = FOLDER / f".{name}.{os.getpid()}"
    folder.mkdir()
    start = time.monotonic()
    try:
        (folder / "in-use").touch()
        cost = make(_with_disks(machine, f"{folder}/disk"), folder)
        for disk in folder.glob("disk*"):
            disk.unlink()
        call(["fallocate", "--dig-holes", folder / "ram"])  # a third of it is zeroes
        _sync(folder / "ram")
        _sync(folder / "state")
        about = {
            "format": FORMAT,
            "for": describe(machine),
            "made in": round(time.monotonic() - start, 1),
            "cpu": cost,
            "measures": _measures(folder),
        }
        (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")
        _sync(folder / "about.json")
        if not target.exists():  # else somebody has made it beside us, having found the lock's file removed
            folder.rename(target)
    finally:
        if folder.exists():
            _remove(folder)


def _sync(path):
    """On the disk before its description is: what a crash of the host leaves must not look whole."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def describe(machine):
    """A line for people, in the words of ./run."""
    plain = kinds.Settings()
    words = [f"--hypervisor {machine.hypervisor}"]
    words += [f"--toolstack {machine.toolstack}"] if machine.hypervisor != "none" else []
    for field, option in (
        ("emulator", "--emulator"),
        ("kernel", "--kernel"),
        ("cpus", "--cpus"),
        ("memory", "--memory"),
        ("dom0_memory", "--dom0-memory"),
        ("hypervisor_args", "--hypervisor-args"),
        ("kernel_args", "--kernel-args"),
    ):
        value = getattr(machine, field)
        words += (
            [f"{option} '{value}'" if " " in str(value) else f"{option} {value}"]
            if value != getattr(plain, field)
            else []
        )
    words += [f"--disk {disk}" for disk in machine.disks]
    words += [f"--nic {nic}" for nic in machine.nics] if machine.nics != plain.nics else []
    words += ["--device-model"] if machine.device_model else []
    words += ["--demo"] if machine.demo else []
    words += ["(prepared)"] if machine.prepare else []
    words += [f"({' '.join(machine.qemu_args)})"] if machine.qemu_args else []
    return " ".join(words)


# Bounds


def _allocated(folder):
    return sum(path.stat().st_blocks * 512 for path in folder.iterdir())


def estimate(machine):
    """Bytes that a new template may take: what dom0 fills with its image twice (packed in memory, and unpacked), and a part of
    the rest, as measured; never more than the machine has."""
    parts, _ = images.initrd_parts(machine)
    return min(machine.memory * MIB, 2 * sum(part.stat().st_size for part in parts) + 384 * MIB)


def _all():
    """Folders of templates, whole or not, those used last first."""
    if not FOLDER.exists():
        return []
    folders = [path.parent for path in FOLDER.glob("*/in-use")]
    found = []
    for folder in folders:
        with contextlib.suppress(OSError):
            found.append(((folder / "in-use").stat().st_mtime, folder))
    return [folder for _, folder in sorted(found, reverse=True)]


def _remove(folder):
    """Take a folder away: first its name, so that nobody finds half of it."""
    if not folder.name.startswith("."):
        away = folder.with_name(f".{folder.name}.gone{os.getpid()}")
        folder.rename(away)
        folder = away
    shutil.rmtree(folder, ignore_errors=True)


def _drop(folder):
    """Remove a template unless a machine runs from it or it is being made. Returns whether it is gone."""
    name = folder.name.lstrip(".").split(".")[0]
    with _making(name, wait=False) as alone:
        if not alone:
            return False
        try:
            with open(folder / "in-use", "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
        except BlockingIOError:
            return False
        except OSError:  # gone, or never whole
            if folder.exists():
                _remove(folder)
        (FOLDER / f"{name}.lock").unlink(missing_ok=True)
    return True


def make_room(need):
    """Remove what was used longest ago until one more of `need` bytes is within the bounds. Those in use stay."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = _all()
    sizes = {}
    for folder in kept:
        with contextlib.suppress(OSError):
            sizes[folder] = _allocated(folder)
    for folder in reversed(kept):
        free = shutil.disk_usage(FOLDER).free
        if len(sizes) < MOST and sum(sizes.values()) + need <= MOST_MIB * MIB and free >= need + RESERVE_MIB * MIB:
            break
        if _drop(folder):
            sizes.pop(folder, None)
    free = shutil.disk_usage(FOLDER).free
    if free < need + RESERVE_MIB * MIB:
        raise NoRoom(
            f"{FOLDER} has {free // MIB} MiB free, a template may take {need // MIB} and {RESERVE_MIB} must stay free"
        )


def listing():
    """Templates, those used last first: [(key, what for, MiB, seconds since last use, in use)]."""
    rows = []
    for folder in _all():
        if folder.name.startswith("."):
            continue
        with contextlib.suppress(OSError):
            about = _about(folder) or {"for": "(damaged: the next who wants it makes it anew)"}
            with open(folder / "in-use", "rb") as lock:
                age = time.time() - os.fstat(lock.fileno()).st_mtime
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    used = False
                except BlockingIOError:
                    used = True
            rows.append((folder.name, about["for"], _allocated(folder) // MIB, age, used))
    return rows


def clear():
    """Remove all that are not in use: (removed, kept)."""
    results = [_drop(folder) for folder in _all()]
    if results:
        say(f"{results.count(True)} templates removed")
    return results.count(True), results.count(False)
