# SPDX-License-Identifier: Apache-2.0
"""Guests of type pvh made by our tools: Debian's kernel in a hardware-assisted machine, beside what stock xl makes of the same
configuration. On a hypervisor without such machines: one clear refusal."""

import json
import re

import pytest

STOCK = "/usr/lib/xen-4.17/bin/xl"


@pytest.fixture
def ours(cell, dom0):
    """dom0 where our tools make the guests."""
    if cell.toolstack != "proxenos":
        pytest.skip("about guests that our tools make")
    dom0.out("truncate -s 16M /root/pvh.img; xl watchd")
    return dom0


@pytest.fixture
def able(cell, ours):
    """The same on a hypervisor that has hardware-assisted machines."""
    if "hvm" not in ours.info("virt_caps"):
        pytest.skip("this hypervisor has no hardware-assisted machines")
    return ours


def free(dom0):
    return int(dom0.info("free_memory"))


def settle(dom0, before):
    """All memory of destroyed guests comes back."""
    dom0.until(lambda: free(dom0) == before, f"free memory was {before} MiB, is {free(dom0)} MiB", 30)


def test_boots_computes_and_talks(able):
    """Several vCPUs, RAM disk, command line, disk and network; what it leaves when it is shut down."""
    before = free(able)
    guest = able.guest(
        type='"pvh"', memory=256, vcpus=4, ip="10.0.2.71", disk='["/root/pvh.img,raw,xvda,rw"]', extra="word=here"
    ).up(300)
    assert guest.run("nproc")[1].strip() == "4"
    assert "word=here" in guest.run("cat /proc/cmdline")[1]
    assert guest.run("dd if=/dev/zero bs=1M count=4 2>/dev/null | sha256sum", 120)[1].startswith(
        "bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8"
    )
    status, text = guest.run(
        "dd if=/dev/urandom of=/dev/xvda bs=64k count=16 2>/dev/null && dd if=/dev/xvda bs=64k count=16 2>/dev/null | sha256sum",
        120,
    )
    assert status == 0
    assert text.split()[0] == able.out("head -c 1048576 /root/pvh.img | sha256sum").split()[0]
    assert "2 received" in able.out("ping -c 2 -W 10 10.0.2.71")
    said = guest.run("dmesg | grep -e 'Booting kernel on Xen PVH' -e 'ACPI.*Error' -e 'ACPI BIOS'")[1]
    assert "Booting kernel on Xen PVH" in said and "rror" not in said and "BIOS" not in said
    assert "ACPI0007:03" in guest.run("ls /sys/bus/acpi/devices")[1]
    able.out("xl shutdown -w guest", 120)
    guest.wait_gone()
    assert able.out("losetup -a").strip() == ""
    settle(able, before)


def state_of(dom0, name):
    """What stock tools see of a paused guest: its stored configuration, xenstore, machine state and CPU policy."""
    domid = dom0.out(f"xl domid {name}").strip()
    config = json.loads(dom0.out(f"{STOCK} list -l {name}"))[0]["config"]
    uuid = config["c_info"].pop("uuid")
    store = dom0.out(f"xenstore-ls -fp /local/domain/{domid}; xenstore-ls -fp /vm; xenstore-ls -fp /libxl")
    places = rf'(/domain/|/libxl/|backend/\w+/|frontend-id = "|/domid = "|[(,][nr]){domid}\b'
    store = re.sub(places, r"\1ID", store.replace(uuid, "UUID"))
    # What /libxl keeps of devices is each toolstack's own affair.
    store = sorted(
        line
        for line in store.splitlines()
        if not re.search(r"start_time|/watcher|console/tty|^/libxl/0|event-channel|^/libxl/ID/device/", line)
    )
    machine = re.sub(r"tsc 0x\w+|gtsc_khz \d+", "", dom0.out(f"xen-hvmctx {domid}")).replace(f"domain {domid}", "")
    policy = dom0.out(f"xen-cpuid -p {domid}").replace(f"Domain {domid}", "")
    return config, store, machine, policy


def test_is_what_stock_xl_makes(able):
    """The same configuration by both, paused: nothing that tools or guest can see is different."""
    path = able.config(
        "guest",
        type='"pvh"',
        memory=256,
        vcpus=2,
        maxvcpus=4,
        vif='["mac=00:16:3e:11:22:33,bridge=xenbr0"]',
        disk='["/root/pvh.img,raw,xvda,rw"]',
    )
    able.out(f"{STOCK} create -q -p {path}", 240)
    stock = state_of(able, "guest")
    able.out(f"{STOCK} destroy guest")
    able.out(f"xl create -q -p {path}", 240)
    our = state_of(able, "guest")
    for what, one, other in zip(("configuration", "xenstore", "machine state", "CPU policy"), stock, our):
        assert one == other, what


def test_destroyed_before_it_ran(able):
    before = free(able)
    able.guest(type='"pvh"', memory=512, options="-p")
    assert before - free(able) >= 512
    able.out("xl destroy guest")
    settle(able, before)


@pytest.mark.parametrize("step", ["set its limits", "build its memory", "introduce it"])
def test_failure_leaves_nothing(able, step):
    before = free(able)
    path = able.config("guest", type='"pvh"', memory=128)
    assert "failure injected" in able.fails(f"PROXENOS_FAIL_STEP='{step}' xl create -q {path}", 180)
    assert len(able.rows()) == 1
    settle(able, before)


@pytest.mark.parametrize(
    "keys, complaint",
    [
        ({"memory": 64}, "raise memory="),
        ({"acpi": 0, "vcpus": 2}, "leave acpi=0 away"),
        ({"hap": 0}, "shadow"),
        ({"pvshim": 1}, "pvshim is not supported: there is no shim"),
        ({"vcpus": 200}, "at most 128"),
    ],
)
def test_bad_input_is_explained(able, keys, complaint):
    path = able.config("guest", **{"type": '"pvh"', "memory": 256, **keys})
    assert complaint in able.fails(f"xl create -q {path}", 180)
    assert len(able.rows()) == 1


def test_refused_where_there_are_no_such_machines(ours):
    """A hypervisor that says so in its capabilities is not asked to try."""
    if "hvm" in ours.info("virt_caps"):
        pytest.skip("this hypervisor has hardware-assisted machines")
    before = free(ours)
    said = ours.fails(f"""xl create -q {ours.config("guest", type='"pvh"')}""")
    assert "virt_caps without hvm" in said and 'use type="pv"' in said
    assert len(ours.rows()) == 1 and free(ours) == before
    assert ours.run("xenstore-ls /local/domain | grep -c guest").output.strip() == "0"
