# SPDX-License-Identifier: Apache-2.0
"""Packages of Debian suites that the host does not use (backports, the next release), from the host's own mirror. Apt's
sources, lists and caches for them lie in .cache/: the system's stay as they are, and no root is needed."""

import functools
import shutil
import subprocess
from pathlib import Path

from lab import debian, packages, progress
from lab.host import CACHE, LabError, call, follow, forget_others, key, locked

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
RELEASE = "bookworm"  # the host's


class Absent(LabError):
    """The mirror does not have what was asked for: told to whoever asked, who goes on without it."""


def why_not(find, name):
    """Why find(name) cannot have it, or nothing: for tests, which skip then."""
    try:
        find(name)
    except Absent as absent:
        return str(absent)
    return ""


def mirror():
    """The address from which apt gets the host's own release, whichever form its sources have."""
    text = call(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"])
    for line in text.splitlines():
        release, component, address = line.split(" ", 2)
        if (release, component) == (RELEASE, "main"):
            return address
    raise Absent(f"apt has no source for {RELEASE} main, so there is no mirror to ask")


class Suite:
    """One suite: "bookworm-backports", "trixie"."""

    def __init__(self, name):
        self.name = name
        self.folder = CACHE / f"suite-{name}"

    def options(self):
        """What turns apt's commands to this suite alone, as if nothing were installed."""
        return [
            f"-oDir::Etc::sourcelist={self.folder}/sources.list",
            "-oDir::Etc::sourceparts=-",
            f"-oDir::State::lists={self.folder}/lists",
            f"-oDir::State::status={self.folder}/status",
            f"-oDir::Cache={self.folder}/cache",
            "-oAPT::Sandbox::User=root",
            "-oAcquire::Languages=none",
            "-oDebug::NoLocking=1",
        ]

    @functools.cached_property
    def _lists(self):
        """The suite's lists, fetched once per process: an old list names packages that mirrors have no more."""
        for part in ("lists/partial", "cache/archives/partial"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").write_text("")
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        (self.folder / "sources.list").write_text(f"deb {signed}{mirror()} {self.name} main\n")
        try:
            # Otherwise apt calls it a success when a list could not be had.
            return call(["apt-get", *self.options(), "-oAPT::Update::Error-Mode=any", "update"])
        except LabError as error:
            raise Absent(f"the mirror has no suite {self.name}: {str(error).splitlines()[-1]}") from None

    def field(self, package, name):
        """One field of a package that the suite must have."""
        assert self._lists is not None
        shown = subprocess.run(
            ["apt-cache", *self.options(), "show", "--no-all-versions", package],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for line in shown.splitlines():
            if line.startswith(f"{name}: "):
                return line.partition(": ")[2]
        raise Absent(f"the mirror's {self.name} has no package {package}")

    def closure(self, names, unwanted):
        """The names of these packages and of what they depend on, but for those that a shell pattern of `unwanted` fits."""
        for name in names:
            self.field(name, "Version")
        return debian.without(debian.closure(names, self.options()), unwanted)

    def fetch(self, label, wish, choose):
        """The folder with the packages whose names `choose` tells; it is asked only when no folder of that label was made
        for the same `wish` (words). Folders for other wishes are forgotten."""
        folder = CACHE / f"{label}-debs-{key(self.name, *wish)}"
        with locked(f"suite-{self.name}"):
            if not (folder / "complete").exists():
                names = choose()
                for name in names:
                    self.field(name, "Version")
                with progress.step(f"fetching {label} from Debian's {self.name} (once)", f"fetch {label}") as step:
                    folder.mkdir(exist_ok=True)
                    command = ["apt-get", *self.options(), *packages.STATUS, "download", *names]
                    follow(command, packages.AptReader(step).line, cwd=folder)
                (folder / "complete").touch()
                forget_others(f"{label}-debs-*", folder)
        return folder


def unpacked(label, archives):
    """The root in .cache/ with a folder's packages, unpacked once."""
    root = CACHE / f"{label}-root-{archives.name[-16:]}"
    with locked(label):
        if not (root / ".complete").exists():
            shutil.rmtree(root, ignore_errors=True)
            debian.unpack_all(archives, root)
            (root / ".complete").touch()
            forget_others(f"{label}-root-*", root)
    return root
