# SPDX-License-Identifier: Apache-2.0
"""Debian packages, fetched with their dependencies and unpacked into a folder, without installing anything."""

import fnmatch
import subprocess

from lab import progress
from lab.host import CACHE, LabError, as_root, call, follow, forget_others, key, words
from lab.packages import STATUS, AptReader


def _nothing_installed(archives):
    """Options with which apt, from the system's sources, believes that nothing is installed."""
    status = CACHE / "empty-status"
    status.write_text("")
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    return [
        f"-oDir::State::status={status}",
        f"-oDir::Cache::archives={archives}/",
        "-oDebug::NoLocking=1",
        "-oAPT::Sandbox::User=root",
    ]


def closure(packages, options):
    """The names of everything that packages depend on, themselves included; `options` say which apt is asked."""
    text = call(["apt-get", "--simulate", "-y", "--no-install-recommends", *options, "install", *packages])
    return [line.split()[1] for line in text.splitlines() if line.startswith("Inst ")]


def without(names, patterns):
    """Names that no shell pattern of the list fits."""
    return [name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]


def wishes(list_file):
    """(packages, patterns of dependencies to leave out) of a list file."""
    entries = words(list_file)
    return [entry for entry in entries if entry[0] != "-"], [entry[1:] for entry in entries if entry[0] == "-"]


def _download(packages, archives, step):
    """Fetch exactly these packages into `archives`, from whatever suite apt prefers."""
    uris = call(["apt-get", "--print-uris", "-o", "Debug::NoLocking=1", "download", *packages], cwd=archives)
    if uris.count("'http") + uris.count("'file") == 0:
        raise LabError("apt knows no source for " + " ".join(packages))
    command = ["apt-get", "-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1", *STATUS, "download", *packages]
    follow(command, AptReader(step).line, cwd=archives)


def fetch(list_file, label="", beside=None):
    """The folder with the .deb files that a package list asks for ('-pattern' leaves dependencies out). `label` tells the
    folders of several lists apart; what the folder `beside` has is left out."""
    wanted, unwanted = wishes(list_file)
    present = sorted(archive.name.split("_")[0] for archive in beside.glob("*.deb")) if beside else []
    folder = CACHE / (f"{label}debs-" + key(*words(list_file), *present))
    if (folder / "complete").exists():
        return folder
    with progress.step(f"fetching Debian packages for {list_file.parent.name} (once)", f"fetch {label}debs") as step:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            names = closure(wanted, _nothing_installed(folder))
        except LabError:  # apt has no lists yet
            step.at(0, 0, "fetching the lists")
            call(as_root(["apt-get", "update"]))
            names = closure(wanted, _nothing_installed(folder))
        _download(without(names, [*unwanted, *present]), folder, step)
    (folder / "complete").touch()
    forget_others(f"{label}debs-*", folder)
    return folder


def unpack(archive, folder):
    """Unpack one .deb over a merged-/usr root."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as tar:
        call(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", folder], stdin=tar.stdout)
        if tar.wait():
            raise LabError(f"{archive} is damaged: remove it and start again")


def unpack_all(archives, folder, but=""):
    """Unpack every .deb of a folder, but for those that a shell pattern fits, into a fresh root."""
    folder.mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")
    wanted = [archive for archive in sorted(archives.glob("*.deb")) if not (but and archive.match(but))]
    with progress.step("unpacking packages", f"unpack {archives.name[:-17]}") as step:
        for number, archive in enumerate(wanted):
            step.at(number, len(wanted), archive.name.split("_")[0])
            unpack(archive, folder)
