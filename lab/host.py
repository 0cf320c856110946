# SPDX-License-Identifier: Apache-2.0
"""The host: where things are, which packages are missing, and how the lab runs commands and names cached files."""

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAB = ROOT / "lab"
BUILD = ROOT / "build"
LOGS = BUILD / "logs"
MOST_NOTES = 1000
MOST_PATIENCE = 8
CACHE = Path(os.environ.get("PROXENOS_CACHE", ROOT / ".cache"))


class LabError(Exception):
    """Something the user can act on: printed as one line, without a traceback."""


def die_with_parent(by=signal.SIGKILL):
    """In a child: get this signal when the lab dies (PR_SET_PDEATHSIG), so that no emulator is ever left behind."""
    ctypes.CDLL(None).prctl(1, by)


def say(text):
    """Progress, always on standard error: standard output belongs to the command that was asked for. On a terminal it takes
    the place of a line that lab.progress keeps moving."""
    print(("\r\x1b[K" if sys.stderr.isatty() else "") + f"lab: {text}", file=sys.stderr, flush=True)


def patience(seconds):
    """A limit for waiting, in seconds: so much on an idle host, more where more wants to run than there are CPUs. Nothing that
    goes well takes longer for it."""
    load = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    return seconds * min(MOST_PATIENCE, max(1.0, 1.5 * load))


def call(command, **options):
    """Run a host command quietly; on failure raise LabError with the end of what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **options,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-20:])
        raise LabError(f"{command[0]} failed with status {done.returncode}:\n{tail}")
    return done.stdout


def follow(command, line, **options):
    """Run a host command and hand each line that it says to line() at once: the seconds of CPU that it took. On failure raise
    LabError with the end of what it said."""
    tail = []
    command = [str(part) for part in command]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        **options,
    ) as process:
        for text in process.stdout:
            tail = [*tail[-19:], text.rstrip("\n")]
            line(tail[-1])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LabError(f"{command[0]} failed with status {process.returncode}:\n" + "\n".join(tail))
    return usage.ru_utime + usage.ru_stime


def words(path):
    """The words of a list file, without comments."""
    lines = (line.split("#")[0] for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [word for line in lines for word in line.split()]


def key(*inputs):
    """A short name for a cached file: hash of strings, files and folders (their contents and modes)."""
    digest = hashlib.sha256()
    for item in inputs:
        paths = (
            sorted(p for p in item.rglob("*") if p.is_file()) if isinstance(item, Path) and item.is_dir() else [item]
        )
        for path in paths:
            if isinstance(path, Path):
                if "__pycache__" in path.parts:
                    continue
                digest.update(f"{path.name} {path.stat().st_mode:o}\n".encode() + path.read_bytes())
            else:
                digest.update(str(path).encode())
            digest.update(b"\0")
    return digest.hexdigest()[:16]


def content(path):
    """Hash of a file's bytes. A large one is read once as long as its size, times and number stay: noted in .cache/sums."""
    path = Path(path).resolve()
    about = path.stat()
    if about.st_size < 64 << 10:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    times = f"{about.st_size} {about.st_mtime_ns} {about.st_ctime_ns}"
    return noted("sums", key(f"{path} {about.st_dev} {about.st_ino} {times}"), lambda: _sum(path))


def _sum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def noted(folder, name, find):
    """What find() says, a text, kept under a name that tells everything that it depends on."""
    note = CACHE / folder / name
    with suppress(OSError):
        return note.read_text(encoding="utf-8")
    found = find()
    note.parent.mkdir(parents=True, exist_ok=True)
    if len(os.listdir(note.parent)) > MOST_NOTES:
        for old in note.parent.glob("[!.]*"):
            old.unlink(missing_ok=True)
    temporary = note.with_name(f".{name}.{os.getpid()}.{threading.get_ident()}")
    temporary.write_text(found, encoding="utf-8")
    temporary.rename(note)
    return found


@contextmanager
def locked(name):
    """One builder at a time per cache, so that two ./run started together do not build the image twice."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f".{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def connect(path, seconds, alive=lambda: True):
    """A connection to a Unix socket of QEMU's, as soon as QEMU has come as far as making it; None when that takes longer, or
    QEMU is not alive any more."""
    link, end = socket.socket(socket.AF_UNIX), time.monotonic() + seconds
    while True:
        try:
            link.connect(str(path))
            return link
        except OSError:
            if time.monotonic() > end or not alive():
                link.close()
                return None
            time.sleep(0.01)


def remove(path):
    """Remove a file, a link (never what it leads to) or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def forget_others(pattern, keep):
    """Drop cached results of older inputs."""
    for old in CACHE.glob(pattern):
        if old != keep:
            remove(old)


def as_root(command):
    """The command, through sudo when we are not root."""
    if os.geteuid() == 0:
        return command
    if not shutil.which("sudo"):
        raise LabError("installing packages needs root or sudo; install by hand: " + " ".join(command))
    return ["sudo", "-n", *command]
