# SPDX-License-Identifier: Apache-2.0
"""Debian packages, fetched with their dependencies and unpacked into a folder, without installing anything."""

import fnmatch
import subprocess

from lab.host import CACHE, LabError, call, forget_others, key, say, words


def _apt(command, packages, archives):
    """An apt-get command that believes that nothing is installed, so that the whole closure is named."""
    status = CACHE / "empty-status"
    status.write_text("")
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    return [
        "apt-get",
        *command,
        "-y",
        "--no-install-recommends",
        "-o",
        f"Dir::State::status={status}",
        "-o",
        f"Dir::Cache::archives={archives}/",
        "-o",
        "Debug::NoLocking=1",
        "-o",
        "APT::Sandbox::User=root",
        "install",
        *packages,
    ]


def _closure(packages, archives):
    """(package name) of everything that the packages depend on."""
    text = call(_apt(["--simulate"], packages, archives))
    return [line.split()[1] for line in text.splitlines() if line.startswith("Inst ")]


def _download(packages, archives):
    """Fetch exactly these packages into `archives`, from whatever suite apt prefers."""
    uris = call(["apt-get", "--print-uris", "-o", "Debug::NoLocking=1", "download", *packages], cwd=archives)
    if uris.count("'http") + uris.count("'file") == 0:
        raise LabError("apt knows no source for " + " ".join(packages))
    call(["apt-get", "-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1", "download", *packages], cwd=archives)


def fetch(list_file, label="", beside=None):
    """The folder with the .deb files that a package list asks for ('-pattern' leaves dependencies out). `label` tells the
    folders of several lists apart; what the folder `beside` has is left out."""
    entries = words(list_file)
    wanted = [entry for entry in entries if not entry.startswith("-")]
    unwanted = [entry[1:] for entry in entries if entry.startswith("-")]
    present = sorted(archive.name.split("_")[0] for archive in beside.glob("*.deb")) if beside else []
    folder = CACHE / (f"{label}debs-" + key(*entries, *present))
    if (folder / "complete").exists():
        return folder
    say(f"fetching Debian packages for {list_file.parent.name} (once)")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        names = _closure(wanted, folder)
    except LabError:
        from lab.host import as_root  # only needed where apt has no lists yet

        call(as_root(["apt-get", "update"]))
        names = _closure(wanted, folder)
    _download([name for name in names if not any(fnmatch.fnmatch(name, p) for p in [*unwanted, *present])], folder)
    (folder / "complete").touch()
    forget_others(f"{label}debs-*", folder)
    return folder


def unpack(archive, folder):
    """Unpack one .deb over a merged-/usr root."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as tar:
        call(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", folder], stdin=tar.stdout)
        if tar.wait():
            raise LabError(f"{archive} is damaged: remove it and start again")


def unpack_all(archives, folder):
    """Unpack every .deb of a folder into a fresh root."""
    folder.mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (folder / "usr" / name).mkdir(parents=True)
        (folder / name).symlink_to(f"usr/{name}")
    for archive in sorted(archives.glob("*.deb")):
        unpack(archive, folder)
