# SPDX-License-Identifier: Apache-2.0
"""The tools killed in the middle: what they left half done is undone or finished by whoever comes next."""

import os
import random
import re

import pytest

TOOLS_ALONE = True

MACHINE = {"cpus": 4, "memory": 3072}  # as test_parallel has it
MOMENTS, MANY_MOMENTS = 30, 1000

SNAPSHOT = (
    "xenstore-ls -f | grep -v -e ^/tool -e /control/ -e memory/target -e ^/local/domain/0/error -e /gone | grep -v '= \"\"$'; losetup -a; "
    "ls /sys/class/net; ls /var/lib/xen | grep userdata; ls /run/xen | grep -v -e lock -e watchd; ls /run/xen/making; xl list | cut -c1-45"
)


@pytest.fixture(name="ours")
def fixture_ours(cell, dom0):
    """Our tools, a guest's configuration with a disk and an interface, and its files."""
    if cell.toolstack != "proxenos":
        pytest.skip("about our tools")
    dom0.out("truncate -s 1M /root/d0.img /root/d1.img; mkdir -p /run/xen/making /var/log/xen; xl watchd")
    dom0.micro("mortal", "spins_in_guest_mode", disk='["/root/d0.img,raw,xvda,rw"]', vif='["bridge=xenbr0"]')
    return dom0


def settled(dom0, before):
    """The host is as it was."""
    try:
        dom0.until(lambda: dom0.out(SNAPSHOT) == before, "not as it was", 30)
    except AssertionError:
        assert dom0.out(SNAPSHOT) == before
        raise


CREATE = ["create the domain", "build its memory", "write its devices' nodes", "keep its configuration"]
ATTACH = ["write its devices' nodes", "keep its configuration", "join its networks"]
DESTROY = ["pause it", "take its devices away", "end it", "remove its nodes"]
EVERY = {
    "create": [
        *CREATE,
        "write its xenstore nodes",
        "open event channels",
        "introduce it",
        "open its disks",
        "attach its devices",
    ],
    "attach": [*ATTACH, "open its disks", "wait for its back ends"],
}


def pytest_generate_tests(metafunc):
    """The steps that leave most behind; all of them in a thorough run."""
    if "step" in metafunc.fixturenames:
        thorough = metafunc.config.getoption("--thorough")
        few = {"test_create_killed": CREATE, "test_attach_killed": ATTACH, "test_destroy_killed": DESTROY}
        every = {"test_create_killed": EVERY["create"], "test_attach_killed": EVERY["attach"]}
        name = metafunc.function.__name__
        metafunc.parametrize("step", every.get(name, few[name]) if thorough else few[name])


def test_create_killed(ours, step):
    """The next create of the same name cleans up and works; what is left by one more is named and mended by xl doctor."""
    before = ours.out(SNAPSHOT)
    kill = f'PROXENOS_KILL_STEP="{step}"'
    ours.kill_watcher()  # it would be faster
    assert ours.run(f"{kill} xl create -q -p /etc/xen/mortal.cfg").status == 137
    ours.out("xl create -q -p /etc/xen/mortal.cfg; xl destroy mortal")
    settled(ours, before)
    ours.kill_watcher()
    assert ours.run(f"{kill} xl create -q -p /etc/xen/mortal.cfg").status == 137
    said = ours.run("xl doctor").output
    assert "its creation was cut off" in said and "mended" in said, said
    settled(ours, before)


def test_attach_killed(ours, step):
    """What was being attached is taken away by who comes next, and can be attached then."""
    ours.out("xl create -q -p /etc/xen/mortal.cfg")
    before = ours.out(SNAPSHOT)
    for what, away in (
        ("network-attach mortal bridge=xenbr0", "network-detach mortal 1 -f"),
        ("block-attach mortal /root/d1.img,raw,xvdb,w", "block-detach mortal xvdb -f"),
    ):
        ours.kill_watcher()
        status = ours.run(f'PROXENOS_KILL_STEP="{step}" xl {what}').status
        assert status == 137 or (status == 0 and step == "open its disks")
        if status == 137:
            ours.run("xl doctor")
            settled(ours, before)
            ours.out(f"xl {what}")
        ours.out(f"xl {away}")
    settled(ours, before)


def test_destroy_killed(ours, step):
    """A second destroy finishes it."""
    before = ours.out(SNAPSHOT)
    ours.out("xl create -q -p /etc/xen/mortal.cfg")
    ours.kill_watcher()
    assert ours.run(f'PROXENOS_KILL_STEP="{step}" xl destroy mortal').status == 137
    ours.run("xl destroy mortal")
    settled(ours, before)


def test_the_watcher_mends(ours):
    before = ours.out(SNAPSHOT)
    assert ours.run('PROXENOS_KILL_STEP="introduce it" xl create -q -p /etc/xen/mortal.cfg').status == 137
    settled(ours, before)  # it looks at least every 20 s


@pytest.fixture(name="mute")
def fixture_mute(ours):
    """A domain that serves disks by its configuration and never answers."""
    ours.micro("mute", "spins_in_guest_mode")
    ours.out("xl create -q -p /etc/xen/mute.cfg")
    return ours


@pytest.mark.parametrize("signal", ["INT", "TERM", "HUP"])
def test_many_signals_leave_nothing(mute, signal):
    """Ctrl-C once, and ten times, inside a wait for a back end that does not answer: all is undone, and said."""
    before = mute.out(SNAPSHOT)
    disk = '["format=raw,vdev=xvdb,access=rw,backend=mute,target=/x"]'
    mute.micro("mortal", "spins_in_guest_mode", disk=disk, vif='["bridge=xenbr0"]')
    for times in (1, 10):
        said = mute.run(
            "xl create -q -p /etc/xen/mortal.cfg & pid=$!; "
            "until xenstore-exists /local/domain/0/backend/vif; do sleep 0.1; done; "
            f"for i in $(seq {times}); do sleep 0.2; kill -{signal} $pid; done; wait $pid",
            120,
        )
        assert said.status == 3 and "interrupted" in said.errors, said
        settled(mute, before)


def test_no_room_to_write_work_down(ours):
    """Nothing is begun that could not be undone after a death; but what makes room works."""
    ours.out(
        "xl create -q -p /etc/xen/mortal.cfg; mount -t tmpfs -o nr_inodes=2 full /run/xen/making; mkdir /run/xen/making/x"
    )
    try:
        ours.micro("second", "spins_in_guest_mode")
        said = ours.fails("xl create -q -p /etc/xen/second.cfg")
        assert "No space left on device" in said and "free space in /run/xen/making" in said, said
        ours.out("xl destroy mortal")
    finally:
        ours.out("umount /run/xen/making")
    assert len(ours.rows()) == 1


def test_steps_are_obeyed_only_where_root_says_so(ours):
    ours.out("rm /run/xen/proxenos-test-steps")
    try:
        ours.out('PROXENOS_FAIL_STEP="introduce it" xl create -q -p /etc/xen/mortal.cfg')
    finally:
        ours.out("touch /run/xen/proxenos-test-steps")


def test_a_refused_detach_leaves_the_disk_as_it_was(ours):
    """A paused guest does not let go: the disk goes on, and may be detached later."""
    ours.out("xl create -q -p /etc/xen/mortal.cfg; xl unpause mortal; xl pause mortal")
    path = f"/local/domain/0/backend/vbd/{ours.out('xl domid mortal').strip()}/51712"
    before = ours.out(f"xenstore-read {path}/online").strip()
    said = ours.fails("xl block-detach mortal xvda")
    assert "does not let go" in said
    assert ours.out(f"xenstore-read {path}/online").strip() == before == "1"
    ours.out("xl block-detach mortal xvda -f")


MOMENT = """
echo 'moment {moment}: {command} {after}'
{prepare}
xl {command} > /dev/null 2>&1 & pid=$!; sleep {after}; kill -9 $pid 2> /dev/null; wait $pid 2> /dev/null
{watcher}
xl doctor > /tmp/doctor
xl list | awk 'NR > 2 {{ print "  listed:", $1 }} $1 !~ /Name|Domain-0|mortal/ {{ exit 1 }}' || exit 1
xl destroy mortal 2> /dev/null
ls /run/xen/making | grep . && exit 1
true
"""


def test_random_moments(ours, request):
    """Tools and watcher killed at random moments: no guest is lost, none is half there, nothing stays."""
    moments = MANY_MOMENTS if request.config.getoption("--thorough") else MOMENTS
    seed = int(os.environ.get("PROXENOS_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"PROXENOS_SEED={seed}")  # set it to get the same commands and moments again
    before = ours.out(SNAPSHOT)
    commands = [
        "create -q -p /etc/xen/mortal.cfg",
        "destroy mortal",
        "network-attach mortal bridge=xenbr0",
        "block-attach mortal /root/d1.img,raw,xvdb,w",
    ]
    for first in range(0, moments, 10):
        script = []
        for moment in range(first, first + 10):
            choice = random.Random(seed + moment)
            command = choice.choice(commands)
            watcher = choice.choice(["", "xl watchd", "read pid rest < /run/xen/xl-watchd.lock && kill -9 $pid"])
            script.append(
                MOMENT.format(
                    moment=moment,
                    command=command,
                    after=f"{choice.uniform(0.005, 0.4):.3f}",
                    prepare="" if command.startswith("create") else "xl create -q -p /etc/xen/mortal.cfg || exit 1",
                    watcher=watcher,
                )
            )
        said = ours.run("\n".join(script), 600)
        assert said.status == 0, said
        listed = re.findall(r"moment \d+: (?:net|block).*\n(.*)", said.output)
        assert all("listed: mortal" in line for line in listed), said.output  # an attachment costs no guest its life
        settled(ours, before)
