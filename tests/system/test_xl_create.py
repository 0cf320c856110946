# SPDX-License-Identifier: Apache-2.0
"""Creation that fails leaves nothing: a failure injected behind each step, Ctrl-C behind each step, and every kind of bad
input."""

import pytest

TOOLS_ALONE = True

STEPS = [
    "check the host",
    "load the kernel",
    "create the domain",
    "set its limits",
    "place its CPUs",
    "write its xenstore nodes",
    "open event channels",
    "find its memory",
    "build its memory",
    "introduce it",
    "open its disks",
    "write its devices' nodes",
    "start its device model",
    "wait for its back ends",
    "join its networks",
    "run its hotplug scripts",
    "attach its devices",
    "keep its configuration",
    "wait for its console",
    "start it",
]

SNAPSHOT = (
    "xenstore-ls -f | grep -v -e ^/tool -e '/control/' -e 'memory/target' | grep -v '= \"\"$'; losetup -a; ls /sys/class/net; "
    "ls /var/lib/xen; xl list | cut -c1-50; xl info free_memory; ls /proc/self/fd | wc -l"
)


@pytest.fixture
def ready(cell, dom0):
    """A configuration to spoil."""
    dom0.out("truncate -s 16M /root/create.img")
    if cell.toolstack == "proxenos":
        dom0.out("xl watchd")
    dom0.config("guest", ip="10.0.2.61", disk='["/root/create.img,raw,xvda,rw"]')
    return dom0


@pytest.fixture
def ours(cell, ready):
    """The same, for what only our tools do."""
    if cell.toolstack != "proxenos":
        pytest.skip("about our tools")
    return ready


def snapshot(dom0, before=None):
    """The host's state; what is being freed gets some seconds to be so."""
    dom0.until(lambda: "(null)" not in dom0.out("xl list"), "dying domains", 20)
    if before is not None:
        dom0.until(
            lambda: dom0.out(SNAPSHOT) == before, "the host is not as it was:\n" + before + dom0.out(SNAPSHOT), 20
        )
    return dom0.out(SNAPSHOT)


@pytest.mark.parametrize("step", STEPS)
def test_failure_at_each_step_leaves_nothing(ours, step):
    before = snapshot(ours)
    for how, message in (("FAIL", "failure injected"), ("STOP", "interrupted")):
        said = ours.fails(f'PROXENOS_{how}_STEP="{step}" xl create -q /etc/xen/guest.cfg', 180)
        assert f"{message} after '{step}'" in said
        snapshot(ours, before)


BAD = {
    "memory='much'": "memory must be a size",
    "memory=1000000": "but the host has",
    "kernel='/boot/none'": "No such file or directory",
    "kernel='/etc/xen/xl.conf'": "in no known form",
    "ramdisk='/none'": "ramdisk '/none'",
    "disk=['/none,raw,xvda,w']": "'/none': No such file",
    "disk=['/root/create.img,raw,xvdx9y,w']": "is not a virtual disk name",
    "disk=['/root/create.img,qcow2,xvda,w']": "there is no QEMU for Xen",
    "vif=['bridge=nobr']": "there is no bridge 'nobr'",
    "vif=['script=nosuch']": "no hotplug script",
    "vif=['mac=1']": "is not a MAC address",
    "memory=16": "raise memory=",
    "vcpus=0": "between 1 and",
    "cpus='99-'": "not a CPU",
    "pool='nopool'": "no CPU pool 'nopool'",
    "type='hvm'": "not supported yet",
    "name='Domain-0'": "has this name already",
    "disk=": "expected",
    "uuid='x'": "is not a UUID",
}


# Stock xl makes a guest of these all the same.
STOCK_TAKES = ("vif=['mac=1']", "vcpus=0")


@pytest.mark.parametrize("override", BAD)
def test_bad_input_is_explained_and_leaves_nothing(cell, ready, override):
    """With stock tools it is the hypervisor that must have nothing left."""
    if cell.toolstack != "proxenos" and override in STOCK_TAKES:
        pytest.skip("stock xl takes it")
    before = snapshot(ready)
    said = ready.fails(f'xl create -q /etc/xen/guest.cfg "{override}"', 180)
    assert cell.toolstack != "proxenos" or BAD[override] in said, said
    snapshot(ready, before)


def test_truncated_kernel(cell, ready):
    before = snapshot(ready)
    ready.out("head -c 3000000 /boot/vmlinuz > /root/short")
    said = ready.fails("xl create -q /etc/xen/guest.cfg \"kernel='/root/short'\"", 180)
    assert cell.toolstack != "proxenos" or "truncated" in said
    snapshot(ready, before)


def test_script_that_fails(cell, ready):
    before = snapshot(ready)
    ready.out("printf '#!/bin/sh\\nexit 3\\n' > /etc/xen/scripts/bad; chmod +x /etc/xen/scripts/bad")
    said = ready.fails("xl create -q /etc/xen/guest.cfg \"vif=['script=bad']\"", 180)
    assert cell.toolstack != "proxenos" or "hotplug script" in said
    snapshot(ready, before)


def test_interrupted(ours):
    before = snapshot(ours)
    ours.run("timeout -s INT 0.3 xl create -q /etc/xen/guest.cfg; true")
    if "guest" in ours.rows():
        ours.out("xl destroy guest")  # it was through already
    snapshot(ours, before)


def test_full_disk(ours):
    """No room for what is kept of the guest."""
    before = snapshot(ours)
    ours.out("mount -t tmpfs -o size=4k,nr_inodes=8 tmpfs /var/lib/xen")
    said = ours.fails("xl create -q /etc/xen/guest.cfg")
    ours.out("umount /var/lib/xen")
    assert "cannot write '/var/lib/xen/userdata" in said and "No space left" in said
    snapshot(ours, before)


def test_dry_run_and_overrides(ready):
    text = ready.out("xl create -n /etc/xen/guest.cfg memory=99 'name=\"other\"'")
    assert '"name": "other"' in text and '"target_memkb": 101376' in text
    assert "guest" not in ready.rows() and "other" not in ready.rows()


def test_unknown_key_warns(ours):
    result = ours.run("xl create -n /etc/xen/guest.cfg memroy=99")
    assert result.status == 0 and "did you mean 'memory'" in result.errors
