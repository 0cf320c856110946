# SPDX-License-Identifier: Apache-2.0
"""Many commands at once, from all of dom0's CPUs: whole domains and devices, or none; nobody's work is destroyed by
another's."""

import itertools
import json
import re

import pytest

TOOLS_ALONE = True

MACHINE = {"cpus": 4, "memory": 3072}
COUNT = {"proxenos": 8, "stock": 4}  # libxl gives a back end 10 s, whatever else the host has to do


@pytest.fixture(name="names")
def fixture_names(cell, dom0):
    """Configurations of small guests; their names."""
    names = [f"side{number}" for number in range(COUNT[cell.toolstack])]
    for name in names:
        dom0.config(name, memory=96)
    return names


def at_once(dom0, commands, timeout=600):
    """Run shell commands side by side; their statuses in order."""
    lines = [f'({command}) >/tmp/out{number} 2>&1 & pids="$pids $!"' for number, command in enumerate(commands)]
    lines.append("for pid in $pids; do wait $pid; echo $?; done")
    return [int(word) for word in dom0.out("pids=\n" + "\n".join(lines), timeout).split()]


def said(dom0):
    """What the last commands said."""
    return dom0.run("cat /tmp/out*").output


def test_guests_at_once(dom0, names):
    """All come up whole; all go, and nothing of them stays."""
    before = dom0.out("xenstore-list /local/domain")
    free = int(dom0.info("free_memory"))
    assert at_once(dom0, [f"xl create /etc/xen/{name}.cfg" for name in names]) == [0] * len(names), said(dom0)
    assert set(dom0.rows()) == {"Domain-0", *names}
    for name in names:
        log = f"/var/log/xen/console/guest-{name}.log"
        assert dom0.said(log, "GUEST-UP", 240) == 0, name
    assert at_once(dom0, [f"xl destroy {name}" for name in names]) == [0] * len(names), said(dom0)
    dom0.until(lambda: set(dom0.rows()) == {"Domain-0"}, "domains are left", 120)
    assert dom0.out("xenstore-list /local/domain") == before
    dom0.until(lambda: int(dom0.info("free_memory")) >= free - 1, "memory is not back", 60)


def test_one_name_is_given_once(cell, dom0):
    """Of those that want one name at once exactly one gets it, and the others leave nothing."""
    dom0.config("wanted", memory=96)
    statuses = at_once(dom0, ["xl create -p /etc/xen/wanted.cfg"] * COUNT[cell.toolstack])
    assert sorted(statuses)[0] == 0 and 0 not in sorted(statuses)[1:], (statuses, said(dom0))
    rows = dom0.rows()
    assert set(rows) == {"Domain-0", "wanted"}, rows
    assert len(dom0.out("xenstore-list /local/domain").split()) == 2


@pytest.fixture(name="paused")
def fixture_paused(cell, dom0):
    """A small paused guest with a disk and an interface, for our tools."""
    if cell.toolstack != "proxenos":
        pytest.skip("about our tools")
    dom0.out("for i in 0 1 2 3; do truncate -s 1M /root/p$i.img; done; xl watchd")
    dom0.micro("both", "spins_in_guest_mode", disk='["/root/p0.img,raw,xvda,rw"]', vif='["bridge=xenbr0"]')
    dom0.out("xl create -q -p /etc/xen/both.cfg")
    return dom0


def devices(dom0, name):
    """What xenstore has: the numbers of its disks and interfaces, and their targets."""
    disks = json.loads(dom0.out(f"xl block-list --json {name}"))
    vifs = json.loads(dom0.out(f"xl network-list --json {name}"))
    return sorted(disk["name"] for disk in disks), sorted(vif["devid"] for vif in vifs)


def kept(dom0, name):
    """What is kept for a restart: the same, each as often as it stands there."""
    number = dom0.out(f"xl domid {name}").strip()
    text = dom0.out(f"cat /var/lib/xen/userdata-d.{number}.*.proxenos-config")
    settings = json.loads(text)["settings"]
    disks = [
        re.search(r"vdev=(\w+)", item).group(1) if "vdev=" in item else item.split(",")[2] for item in settings["disk"]
    ]
    return sorted(disks), sorted(int(re.search(r"devid=(\d+)", item).group(1)) for item in settings["vif"])


def whole(dom0, name="both"):
    """That store, kept configuration and libxl's agree, and that nothing is half done."""
    assert devices(dom0, name) == kept(dom0, name), said(dom0)
    long = json.loads(dom0.out(f"xl list -l {name}"))[0]["config"]
    assert sorted(disk["vdev"] for disk in long.get("disks", [])) == devices(dom0, name)[0]
    assert sorted(vif["devid"] for vif in long.get("nics", [])) == devices(dom0, name)[1]
    assert dom0.out("ls /run/xen/making").strip() == ""


def test_interfaces_at_once(paused):
    """Each gets a number of its own."""
    statuses = at_once(paused, ["xl network-attach both bridge=xenbr0"] * 4)
    assert statuses == [0] * 4, said(paused)
    assert devices(paused, "both")[1] == [0, 1, 2, 3, 4]
    whole(paused)


def test_one_number_at_once(paused):
    """One wins, the others are told so and take nothing away."""
    statuses = at_once(paused, ["xl network-attach both bridge=xenbr0 devid=7"] * 3)
    assert sorted(statuses) == [0, 1, 1], said(paused)
    assert said(paused).count("has an interface 7 already") == 2
    assert devices(paused, "both")[1] == [0, 7]
    whole(paused)


def test_one_disk_at_once(paused):
    """Two images for one virtual disk: the winner's is there, and stays."""
    for _ in range(3):
        statuses = at_once(paused, [f"xl block-attach both /root/p{number}.img,raw,xvdb,w" for number in (1, 2)])
        assert sorted(statuses) == [0, 1], said(paused)
        assert "has a disk 'xvdb' already" in said(paused)
        disks = {disk["name"]: disk["target"] for disk in json.loads(paused.out("xl block-list --json both"))}
        assert disks["xvdb"] == f"/root/p{1 + statuses.index(0)}.img"
        whole(paused)
        paused.out("xl block-detach both xvdb --force")
        assert devices(paused, "both")[0] == ["xvda"]
        whole(paused)


PACED = """
disk=/libxl/$(xl domid both)/gone/vbd/51728
touch /root/held
(while [ -e /root/held ]; do read up rest < /proc/uptime; xenstore-write $disk ${up/./}0; sleep 0.2; done) > /dev/null 2>&1 &
until xenstore-exists $disk; do sleep 0.1; done
xl block-attach both /root/p1.img,raw,xvdb,w & waits=$!
timeout 100 xl network-attach both bridge=xenbr0; echo $?
kill -0 $waits; echo $?
rm /root/held; wait $waits; echo $?
"""


def test_who_waits_for_a_guest_holds_nobody_up(paused):
    """A disk of this number went just now, and is said to go again and again: it is waited for. An interface comes meanwhile."""
    try:
        assert paused.out(PACED, 300).split() == ["0", "0", "0"]
    finally:
        paused.out("rm -f /root/held")
    assert devices(paused, "both") == (["xvda", "xvdb"], [0, 1])
    whole(paused)


COMMANDS = [
    "xl network-attach {} bridge=xenbr0",
    "xl block-attach {} /root/p1.img,raw,xvdb,w",
    "xl block-attach {} /root/p2.img,raw,xvdc,w",
    "xl network-detach {} 0 --force",
    "xl block-detach {} xvda --force",
    "xl mem-set {} 12",
    "xl destroy {}",
]


FEW = [(0, 0), (0, 3), (1, 2), (1, 4), (3, 3), (4, 4), (0, 6), (1, 6), (4, 6), (6, 6)]


def pytest_generate_tests(metafunc):
    """All pairs in a thorough run; else those that want the same lock, number or nodes."""
    if "first" in metafunc.fixturenames:
        every = itertools.combinations_with_replacement(range(len(COMMANDS)), 2)
        metafunc.parametrize("first, second", list(every) if metafunc.config.getoption("--thorough") else FEW)


def test_pairs_on_one_guest(paused, first, second):
    """Any two commands on one guest at once: each does all of its work or says why not, and nothing is half done."""
    commands = [COMMANDS[number].format("both") for number in (first, second)]
    before = devices(paused, "both")
    statuses = at_once(paused, commands)
    assert set(statuses) <= {0, 1}, said(paused)
    if len(COMMANDS) - 1 in (first, second):
        assert "both" not in paused.rows(), said(paused)
        left = paused.out(
            "xenstore-list /libxl; xenstore-list /local/domain; ls /var/lib/xen | grep userdata | grep -v 'userdata-.[.]0[.]'; true"
        )
        assert set(left.split()) <= {"0"}, left
        return
    disks = set(before[0])
    for status, number in zip(statuses, (first, second)):
        if first != second:
            assert status == 0, said(paused)
        if status == 0 and number in (1, 2):
            disks.add("xvdb" if number == 1 else "xvdc")
    disks -= {"xvda"} if 4 in (first, second) else set()
    now = devices(paused, "both")
    assert now[0] == sorted(disks), said(paused)
    added, taken = (first, second).count(0), 3 in (first, second)
    assert len(now[1]) == 1 + added - taken, said(paused)
    assert sorted(statuses)[0] == 0
    whole(paused)


def test_pairs_on_two_guests(paused):
    """The same commands, each on a guest of its own, all at once."""
    for number in range(len(COMMANDS)):
        extra = f'["/root/q{number}.img,raw,xvda,rw"]'
        paused.out(f"truncate -s 1M /root/q{number}.img /root/r{number}.img")
        paused.micro(f"own{number}", "spins_in_guest_mode", disk=extra, vif='["bridge=xenbr0"]')
        paused.out(f"xl create -q -p /etc/xen/own{number}.cfg")
    commands = [
        command.replace("/root/p1", f"/root/r{number}").replace("/root/p2", f"/root/r{number}").format(f"own{number}")
        for number, command in enumerate(COMMANDS)
    ]
    assert at_once(paused, commands) == [0] * len(COMMANDS), said(paused)
    for number in range(len(COMMANDS) - 1):
        whole(paused, f"own{number}")
    assert f"own{len(COMMANDS) - 1}" not in paused.rows()


def test_stock_and_ours_keep_each_other_out(paused):
    """libxl's lock of a domain is ours: no number is given twice, and what both made is kept. Stock chooses its number before it
    looks under the lock: it may find that it has been taken, says so, and takes nothing away."""
    stock = "/usr/lib/xen-4.17/bin/xl"
    statuses = at_once(
        paused, ["xl network-attach both bridge=xenbr0", f"{stock} network-attach both bridge=xenbr0"] * 2
    )
    assert statuses[0::2] == [0, 0] and set(statuses) <= {0, 1}, said(paused)
    assert said(paused).count("device already exists") == statuses.count(1), said(paused)
    numbers = devices(paused, "both")[1]
    assert len(numbers) == 1 + statuses.count(0), said(paused)
    long = json.loads(paused.out("xl list -l both"))[0]["config"]
    assert sorted(vif["devid"] for vif in long["nics"]) == numbers
