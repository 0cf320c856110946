# SPDX-License-Identifier: Apache-2.0
"""Rows that need guests: operations inside a PV guest in both TSC modes, and the life of a domain."""

import base64
import gzip
import shutil
import subprocess
import time
from pathlib import Path

from lab.host import LabError

CONSOLE = "/var/log/xen/console/guest-{}.log"


def archive(folder, files):
    """A gzipped cpio with the measuring programs, to be laid over the test guest's initramfs."""
    root = Path(folder) / "guest"
    for inside, outside in files.items():
        (root / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(outside, root / inside)
    listing = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
    data = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=listing, capture_output=True,
                          check=True).stdout
    target = Path(folder) / "guest.cpio.gz"
    target.write_bytes(gzip.compress(data, 1, mtime=0))
    return target


def configuration(machine, name, memory=256, kernel="/boot/vmlinux", command="", **keys):
    """Write a guest's configuration in dom0; returns its path. `command` is what its init runs."""
    extra = "console=hvc0 quiet"
    if command:
        extra += " guestcmd=" + base64.b64encode(command.encode()).decode()
    lines = {"name": name, "type": "pv", "kernel": kernel, "ramdisk": "/run/guest.cpio.gz", "memory": memory, "vcpus": 1,
             "extra": extra, "on_crash": "preserve", **keys}
    text = "".join(f"{key} = {value!r}\n" if not isinstance(value, str) else f'{key} = "{value}"\n'
                   for key, value in lines.items())
    machine.check("[ -e /run/guest.cpio.gz ] || cat /boot/guest.cpio.gz /bench/guest.cpio.gz > /run/guest.cpio.gz")
    machine.put(f"/run/{name}.cfg", text)
    return f"/run/{name}.cfg"


def wait_console(machine, name, text, timeout=300):
    """What a guest's console said, once it said `text`."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        said = machine.run(f"cat {CONSOLE.format(name)}").output
        if text in said:
            return said
        time.sleep(5)  # each look takes dom0's time, and so the guest's
    raise LabError(f"{name} did not say {text} within {timeout} s; it said: {said[-500:]}")


def guest_rows(machine, column):
    """The operations of dom0's table inside PV guests: default TSC mode, and native."""
    from bench.measure import parse
    if column == "none":
        return {}
    found = {}
    for prefix, mode in (("pv", "default"), ("pvn", "native")):
        name = f"rows-{mode}"
        path = configuration(machine, name, command="/bench/rows", tsc_mode=mode)
        machine.check(f"xl create -q {path}", 300)
        said = parse(wait_console(machine, name, "GUEST-STATUS"))
        found.update({f"{prefix}/{key}": value for key, value in said.items()})
        machine.check(f"xl destroy {name}")
    return found


def life_rows(machine, column):
    """What it costs dom0 to make and end a domain, and the pages one takes."""
    from bench.measure import cost, parse
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
            found[f"create-{size}"] = cost(machine, f"xl create -q -p {path}", 1)
            after = free()
            found[f"pages-{size}"] = (before[0] - after[0]) - (after[1] - before[1])
            found[f"destroy-{size}"] = cost(machine, f"xl destroy life-{size}", 1)
            machine.check("while xl list | grep -q life-; do sleep 0.1; done", 60)
    path = configuration(machine, "life-xz", kernel="/boot/vmlinuz")
    for _ in range(2):  # Debian's tools unpack each time, ours once
        found["create-xz"] = cost(machine, f"xl create -q -p {path}", 1, 600)
        machine.check("xl destroy life-xz; while xl list | grep -q life-; do sleep 0.1; done", 60)
    found["pages-leaked"] = max(0, start - free()[0])
    return found


def io_rows(machine, column):
    """Block and network transfers: in this domain, and between it and a guest. The disk is a loop device in memory."""
    from bench.measure import parse
    # One that is served twice would be measured twice: a server for the machine's life.
    machine.check("dd if=/dev/zero of=/run/disk.img bs=1M count=32 2>/dev/null; losetup /dev/loop0 /run/disk.img; "
                  "setsid /bench/io serve < /dev/null > /dev/null 2>&1 & sleep 0.2")
    found = parse(machine.check("/bench/io block /dev/loop0; /bench/io net 127.0.0.1", 300))
    if column == "none":
        return found
    path = configuration(machine, "io", tsc_mode="native", disk=["phy:/dev/loop0,xvda,w"], vif=["bridge=xenbr0"],
                         command="/bench/io serve & /bench/io block /dev/xvda; /bench/io net 10.0.2.15")
    machine.check(f"sed -i 's/quiet/quiet guestip=10.0.2.50/' {path}; xl create -q {path}", 300)
    said = parse(wait_console(machine, "io", "GUEST-STATUS"))
    found.update({f"pv/{key}": value for key, value in said.items()})
    said = parse(machine.check("/bench/io net 10.0.2.50", 300))
    found.update({f"pv/{key}-in": value for key, value in said.items()})
    machine.check("xl destroy io")
    return found
