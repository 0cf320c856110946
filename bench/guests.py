# SPDX-License-Identifier: Apache-2.0
"""Rows that need guests: operations inside a PV guest in both TSC modes, and the life of a domain."""

import base64
import gzip
import shutil
import subprocess
import time
from pathlib import Path

from bench.counts import COLUMNS, cost, forget, parse
from lab.host import ROOT, LabError

CONSOLE = "/var/log/xen/console/guest-{}.log"


def archive(folder, files):
    """A gzipped cpio with the measuring programs, to be laid over the test guest's initramfs."""
    root = Path(folder) / "guest"
    for inside, outside in files.items():
        (root / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(outside, root / inside)
    listing = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
    data = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=listing, capture_output=True, check=True
    ).stdout
    target = Path(folder) / "guest.cpio.gz"
    target.write_bytes(gzip.compress(data, 1, mtime=0))
    return target


def configuration(machine, name, memory=256, kernel="/boot/vmlinux", command="", **keys):
    """Write a guest's configuration in dom0; returns its path. `command` is what its init runs."""
    extra = "console=hvc0 quiet"
    if command:
        extra += " guestcmd=" + base64.b64encode(command.encode()).decode()
    lines = {
        "name": name,
        "type": "pv",
        "kernel": kernel,
        "ramdisk": "/run/guest.cpio",
        "memory": memory,
        "vcpus": 1,
        "extra": extra,
        "on_crash": "preserve",
        **keys,
    }
    text = "".join(
        f"{key} = {value!r}\n" if not isinstance(value, str) else f'{key} = "{value}"\n' for key, value in lines.items()
    )
    # Not compressed: of two gzip streams libxenguest may take the first alone (it trusts the length at the end of the file),
    # and where it unpacks, that is no part of what is compared.
    machine.check("[ -e /run/guest.cpio ] || zcat /boot/guest.cpio.gz /bench/guest.cpio.gz > /run/guest.cpio")
    machine.put(f"/run/{name}.cfg", text)
    return f"/run/{name}.cfg"


def wait_command(machine, name, timeout=300):
    """What a guest's console said, once the guest's command has ended well."""
    text = "GUEST-STATUS"
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        said = machine.run(f"cat {CONSOLE.format(name)}").output
        if f"{text} 0" in said:
            return said
        if text in said:
            raise LabError(f"{name}'s command failed; it said: {said[-500:]}")
        time.sleep(5)  # each look takes dom0's time, and so the guest's
    raise LabError(f"{name} did not say {text} within {timeout} s; it said: {said[-500:]}")


def guest_rows(machine, column):
    """The operations of dom0's table inside PV guests: default TSC mode, and native."""
    if column == "none":
        return {}
    found = {}
    for prefix, mode in (("pv", "default"), ("pvn", "native")):
        name = f"rows-{mode}"
        path = configuration(machine, name, command="/bench/rows", tsc_mode=mode)
        forget(machine)
        machine.check(f"xl create -q {path}", 300)
        said = wait_command(machine, name)
        if machine.events:
            machine.events.note_rows(said, f"{prefix}/")
        found.update({f"{prefix}/{key}": value for key, value in parse(said).items()})
        machine.check(f"xl destroy {name}")
    return found


def life_rows(machine, column):
    """What it costs dom0 to make and end a domain, and the pages one takes."""
    if column == "none":
        return {}

    def free():
        pages = parse(machine.check("/bench/primitives memory"))
        return pages["pages-free"], pages["pages-domains"]

    # Memory as it was at boot is cleared when a guest first gets it (Xen, with bootscrub=0, never does): not counted.
    path = configuration(machine, "life-first", memory=2048)
    machine.check(f"xl create -q -p {path} && xl destroy life-first && sleep 5", 300)
    found, start = {}, free()[0]
    for size in (256, 1024):
        path = configuration(machine, f"life-{size}", memory=size)
        for _ in range(2):  # the second time counts: caches of the first are filled
            before = free()
            found[f"create-{size}"] = cost(machine, f"create-{size}", f"xl create -q -p {path}", 1)
            after = free()
            found[f"pages-{size}"] = (before[0] - after[0]) - (after[1] - before[1])
            found[f"destroy-{size}"] = cost(machine, f"destroy-{size}", f"xl destroy life-{size}", 1)
            machine.check("while xl list | grep -q life-; do sleep 0.1; done", 60)
    path = configuration(machine, "life-xz", kernel="/boot/vmlinuz")
    for key in ("create-xz-first", "create-xz"):  # Debian's tools unpack each time, ours once
        found[key] = cost(machine, key, f"xl create -q -p {path}", 1, 600)
        machine.check("xl destroy life-xz; while xl list | grep -q life-; do sleep 0.1; done", 60)
    found["unpack-xz"] = cost(machine, "unpack-xz", "/bench/unpack /boot/vmlinuz", 1, 600)
    found["over-unpack"] = 100 * (found["create-xz-first"] / found["unpack-xz"] - 1)
    found["pages-leaked"] = max(0, start - free()[0])
    return found


def scale_rows(machine, column):
    """What the tools cost with 128 domains: small ones, paused, so that nothing else runs."""
    if COLUMNS[column] != ("proxenos", "proxenos"):
        return {}  # of stock xl a process stays for each domain, more than dom0 has memory for
    machine.put("/run/micro.elf", (ROOT / "build/guests/micro.elf").read_bytes())
    machine.check(
        'for i in $(seq 128); do printf \'name = "small%d"\\nkernel = "/run/micro.elf"\\nmemory = 16\\n\' $i '
        "> /run/small$i.cfg; done; xl create -q -p /run/small1.cfg; xl destroy small1"
    )
    path = configuration(machine, "scale-first", memory=2100)
    machine.check(f"xl create -q -p {path} && xl destroy scale-first && sleep 5", 300)  # scrubbed, as in life_rows
    found, made = {}, 0
    for number in (1, 64, 128):
        machine.check(
            f"for i in $(seq {made + 1} {number - 1}); do xl create -q -p /run/small$i.cfg || exit 1; done", 600
        )
        found[f"scale-create-{number}"] = cost(
            machine, f"scale-create-{number}", f"xl create -q -p /run/small{number}.cfg", 1
        )
        made = number
    found["scale-list"] = cost(machine, "scale-list", "xl list")
    found["scale-read"] = cost(machine, "scale-read", "xenstore-read /local/domain/0/name")
    found["scale-destroy-128"] = cost(machine, "scale-destroy-128", "xl destroy small64", 1)
    machine.check("for i in $(seq 2 128); do xl destroy small$i; done 2>/dev/null; true", 600)
    found["scale-destroy-1"] = cost(machine, "scale-destroy-1", "xl destroy small1", 1)
    found["scale-growth"] = (found["scale-create-128"] - found["scale-create-1"]) / 127
    return found


def io_rows(machine, column):
    """Block and network transfers: in this domain, and between it and a guest. The disk is a loop device in memory."""
    # One that is served twice would be measured twice: a server for the machine's life.
    machine.check(
        "dd if=/dev/zero of=/run/disk.img bs=1M count=32 2>/dev/null; losetup /dev/loop0 /run/disk.img; "
        "setsid /bench/io serve < /dev/null > /dev/null 2>&1 & sleep 0.2"
    )
    found = parse(machine.check("/bench/io block /dev/loop0; /bench/io net 127.0.0.1", 300))
    if column == "none":
        return found
    path = configuration(
        machine,
        "io",
        tsc_mode="native",
        disk=["phy:/dev/loop0,xvda,w"],
        vif=["bridge=xenbr0"],
        command="/bench/io serve & /bench/io block /dev/xvda; /bench/io net 10.0.2.15",
    )
    machine.check(f"sed -i 's/quiet/quiet guestip=10.0.2.50/' {path}; xl create -q {path}", 300)
    said = parse(wait_command(machine, "io"))
    found.update({f"pv/{key}": value for key, value in said.items()})
    # Idle time is skipped, so the bridge has forgotten the guest: frames for it would also go out, to be refused there.
    machine.check("ping -c 1 10.0.2.50", 60)
    said = parse(machine.check("/bench/io net 10.0.2.50", 300))
    found.update({f"pv/{key}-in": value for key, value in said.items()})
    machine.check("xl destroy io")
    return found
