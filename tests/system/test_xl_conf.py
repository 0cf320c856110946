# SPDX-License-Identifier: Apache-2.0
"""xl.conf: what each of its keys does; domain 0 gives memory where it may."""

import pytest

TOOLS_ALONE = True

MACHINE = {"memory": 1280, "cpus": 2}


@pytest.fixture
def conf(cell, dom0):
    """dom0 with our tools, and xl.conf to be written; the old one comes back."""
    if cell.toolstack != "proxenos":
        pytest.skip("what stock tools do otherwise")
    dom0.out("cp /etc/xen/xl.conf /root/xl.conf; xl watchd")
    dom0.conf = lambda text: dom0.machine.put("/etc/xen/xl.conf", text)
    yield dom0
    dom0.out("cp /root/xl.conf /etc/xen/xl.conf")


def target(dom0):
    return int(dom0.out("xenstore-read /local/domain/0/memory/target 2>/dev/null || echo 0"))


@pytest.fixture
def large(conf):
    """A guest 64 MiB larger than what is free; domain 0 is as large afterwards as before."""
    before = conf.rows()["Domain-0"][1]
    path = conf.config("guest", memory=int(conf.info("free_memory")) + 64)
    yield path
    conf.run("xl destroy guest")
    conf.out(f"xl mem-set 0 {before}m")
    conf.until(lambda: conf.rows()["Domain-0"][1] >= before - 1, "domain 0 did not grow back", 60)


@pytest.mark.parametrize("setting", ["off", "auto"])
def test_no_balloon(conf, large, setting):
    """Never with off; with auto not where dom0_mem= was given, as it is here."""
    conf.conf(f'autoballoon="{setting}"\n')
    before = conf.rows()["Domain-0"]
    assert "but the host has" in conf.fails(f"xl create -q {large}")
    assert conf.rows()["Domain-0"][1] == before[1]


def test_balloon(conf, large):
    conf.conf('autoballoon="on"\n')
    before = conf.rows()["Domain-0"][1]
    conf.out(f"xl create -q {large}", 240)
    assert 64 <= before - conf.rows()["Domain-0"][1] <= 96


@pytest.mark.parametrize("how", ["FAIL", "STOP"])
def test_balloon_and_fail(conf, large, how):
    """Domain 0 has its memory back when the creation fails after all."""
    conf.conf('autoballoon="on"\n')
    before = conf.rows()["Domain-0"][1]
    conf.fails(f"PROXENOS_{how}_STEP='build its memory' xl create -q {large}", 240)
    conf.until(lambda: conf.rows()["Domain-0"][1] >= before - 1, "domain 0 did not grow back", 60)
    assert abs(target(conf) - before * 1024) <= 1024


def test_balloon_has_a_limit(conf):
    """Domain 0 keeps what it needs: nothing is changed for a guest that would not fit."""
    conf.conf('autoballoon="on"\n')
    before = conf.rows()["Domain-0"][1], target(conf)
    assert "but the host has" in conf.fails(f"xl create -q {conf.config('guest', memory=1200)}")
    assert (conf.rows()["Domain-0"][1], target(conf)) == before


def test_cpu_masks(conf):
    conf.conf('vm.cpumask="0-1"\nvm.pv.cpumask="1"\n')
    conf.guest(options="-p", vcpus=2)
    rows = [line.split() for line in conf.out("xl vcpu-list guest").splitlines()[1:]]
    assert [row[6] for row in rows] == ["1", "1"]
    assert "leaves none of these CPUs" in conf.fails("xl vcpu-pin guest 0 0")
    conf.out("xl vcpu-pin --ignore-global-affinity-masks guest 0 0")
    conf.out("xl destroy guest")
    path = conf.config("guest", cpus='"0"')
    conf.out(f"xl create -q -p --ignore-global-affinity-masks {path}")
    assert conf.out("xl vcpu-list guest").splitlines()[1].split()[6] == "0"
    conf.out("xl destroy guest")
    said = conf.fails(f"xl create -q {path}")
    assert "leaves no CPU to virtual CPU 0" in said
    assert len(conf.rows()) == 1


def test_random_ids(conf):
    conf.conf('domid_policy="random"\n')
    ids = []
    for _ in range(2):
        ids.append(conf.guest(options="-p").domid)
        conf.out("xl destroy guest")
    assert max(ids) > 100 and max(ids) < 0x7FF0


def test_no_hotplug(conf):
    """With run_hotplug_scripts=0 the interface is udev's business."""
    conf.conf("run_hotplug_scripts=0\n")
    guest = conf.guest(options="-p", vif='["bridge=xenbr0"]')
    assert f"vif{guest.domid}.0" not in conf.out("ls /sys/class/net/xenbr0/brif")
    assert f"vif{guest.domid}.0" in conf.out("ls /sys/class/net")


def test_lock_file(conf):
    conf.conf('lockfile="/nowhere/lock"\n')
    conf.out("truncate -s 1M /root/lock.img")
    path = conf.config("guest", disk='["/root/lock.img,raw,xvda,w"]')
    assert "cannot lock '/nowhere/lock'" in conf.fails(f"xl create -q {path}")
    assert len(conf.rows()) == 1
    conf.conf('lockfile="/run/other.lock"\n')
    conf.out(f"xl create -q -p {path}; test -e /run/other.lock")


def test_keys_without_effect_are_named(conf):
    conf.conf('blkdev_start="xvdz"\nremus.default.netbufscript="x"\nnosuch=1\n')
    said = conf.run(f"xl create -n {conf.config('guest')}").errors
    for key in "blkdev_start", "remus.default.netbufscript", "nosuch":
        assert key in said
    said = conf.run("timeout 5 xl watchd -F")
    assert "warning: " in said.errors and "blkdev_start" in said.errors
