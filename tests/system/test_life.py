# SPDX-License-Identifier: Apache-2.0
"""The life of a paravirtual guest: created, paused, renamed, shut down, rebooted, crashed, destroyed; and that it is started
again whoever dies meanwhile."""

import json
import re

import pytest

LOG, STOCK = "/var/log/xen/xl-watchd.log", "/usr/lib/xen-4.17/bin/xl"


def test_create_paused_unpause_pause_destroy(dom0):
    guest = dom0.guest(options="-p")
    assert guest.state()[2] == "p"
    dom0.out("xl unpause guest")
    guest.up()
    assert guest.state()[2] == "-"
    dom0.out("xl pause guest")
    assert guest.state()[2] == "p"
    seconds = dom0.rows()["guest"][4]
    assert dom0.rows()["guest"][4] == seconds
    dom0.out("xl unpause guest")
    assert guest.run("echo still here")[1].strip() == "still here"
    dom0.out("xl destroy guest")
    guest.wait_gone()


def test_debian_kernel_as_shipped(dom0, cell):
    """The bzImage with its xz or zstd payload, unpacked by the toolstack; dom0 runs the same kernel."""
    guest = dom0.guest(kernel="/boot/vmlinuz", memory=128, plain=True).up(120)
    version = guest.run("uname -r")[1].strip()
    assert version.startswith(f"{cell.kernel}.") and version == dom0.out("uname -r").strip()


def test_guest_computes(dom0):
    guest = dom0.guest().up()
    assert guest.run("dd if=/dev/zero bs=1M count=4 2>/dev/null | sha256sum")[1].startswith(
        "bb9f8df61474d25e71fa00722318cd387396ca1736605e1248821cc0de3d3af8"
    )
    assert guest.run("i=0; while [ $i -lt 5000 ]; do i=$((i+1)); done; echo $i")[1].strip() == "5000"


def test_guest_sees_its_share(dom0):
    """Memory and vCPUs are what the configuration says."""
    guest = dom0.guest(memory=200, vcpus=2).up()
    assert guest.run("nproc")[1].strip() == "2"
    kib = int(guest.run("sed -n 's/MemTotal: *//p' /proc/meminfo")[1].split()[0])
    assert 130 * 1024 < kib <= 200 * 1024
    assert dom0.rows()["guest"][1:3] == (200, 2)


def test_ids_grow(dom0):
    first = dom0.guest("first", options="-p").domid
    dom0.out("xl destroy first")
    assert dom0.guest("second", options="-p").domid > first


def test_several_at_once(dom0):
    guests = [dom0.guest(f"guest{number}") for number in range(4)]
    for guest in guests:
        guest.up()
    assert len(dom0.rows()) == 5


def test_rename(dom0):
    guest = dom0.guest()
    domid = guest.domid
    dom0.out("xl rename guest other")
    assert "guest" not in dom0.rows() and dom0.rows()["other"][0] == domid


def test_name_taken(dom0):
    dom0.guest(options="-p")
    dom0.fails("xl create -p /etc/xen/guest.cfg")
    assert len(dom0.rows()) == 2


def test_missing_kernel_leaves_nothing(dom0):
    dom0.fails(f"xl create {dom0.config('guest', kernel='/nowhere')}")
    assert len(dom0.rows()) == 1


def test_no_memory_leaves_nothing(dom0):
    before = dom0.info("free_memory")
    dom0.fails(f"xl create {dom0.config('guest', memory=65536)}")
    assert len(dom0.rows()) == 1
    assert dom0.info("free_memory") == before


def test_shutdown_from_outside(dom0):
    guest = dom0.guest().up()
    dom0.out("xl shutdown -w guest", 120)
    guest.wait_gone()


def test_poweroff_from_inside(dom0):
    guest = dom0.guest(end="poweroff")
    guest.wait("GUEST-UP")
    guest.wait_gone()


def test_reboot_from_inside(dom0):
    """on_reboot's default: the same name, a new id."""
    guest = dom0.guest().up()
    first = guest.domid
    guest.dom0.run(f"echo 'reboot -f' > $(xenstore-read /local/domain/{first}/console/tty)")
    dom0.until(lambda: dom0.rows().get("guest", (first,))[0] > first, "no new domain of that name", 90)


def test_reboot_from_outside(dom0):
    guest = dom0.guest().up()
    first = guest.domid
    dom0.out("xl reboot -w guest", 120)
    dom0.until(lambda: dom0.rows().get("guest", (first,))[0] > first, "no new domain of that name", 90)


def test_crash_is_contained(dom0):
    """on_crash's default destroys it; the host goes on."""
    guest = dom0.guest(end="crash", extra="panic=1 oops=panic")
    guest.wait_gone(90)
    dom0.guest("next").up()


def test_crash_preserved(dom0):
    guest = dom0.guest(end="crash", on_crash='"preserve"', extra="oops=panic")
    dom0.until(lambda: guest.state() and "c" in guest.state(), "no crashed domain", 90)


def test_sysrq(dom0):
    """xl sysrq arrives as the magic key."""
    guest = dom0.guest().up()
    guest.run("echo 1 > /proc/sys/kernel/sysrq; dmesg -n 8")
    dom0.out("xl sysrq guest h")
    guest.wait("sysrq: HELP", 30)


@pytest.fixture(name="ours")
def fixture_ours(cell, dom0):
    """dom0 with our tools, no watcher, a fresh log of it, and no restart that waits."""
    if cell.toolstack != "proxenos":
        pytest.skip("about our tools")
    dom0.run(f"mkdir -p /var/log/xen; rm -rf /run/xen/restarts; : > {LOG}")
    dom0.kill_watcher()
    yield dom0
    dom0.run("rm -rf /run/xen/restarts")
    dom0.kill_watcher()


def domid(dom0, name):
    """Its number, or 0."""
    return dom0.rows().get(name, (0,))[0]


def logged(dom0, words, timeout=60):
    """Wait until the watcher's log says this; the log."""
    assert dom0.said(LOG, words, timeout) == 0, dom0.run(f"cat {LOG}; xl list").output
    return dom0.out(f"cat {LOG}")


def waits(dom0):
    """How many restarts are written down."""
    return int(dom0.out("ls /run/xen/restarts 2>/dev/null | wc -l"))


@pytest.mark.parametrize("case, key, letter", [("reboot", "on_reboot", "r"), ("end_crash", "on_crash", "c")])
def test_one_that_ends_at_once_is_not_lost(ours, case, key, letter):
    """Each quick end is answered by a new domain; after five in a row it is left as it stopped, with what is kept for it."""
    ours.out(f"xl create -q {ours.micro('loop', case, **{key: chr(34) + 'restart' + chr(34)})}")
    log = logged(ours, "not started again", 180)
    assert log.count("started again as domain") == 4, log
    assert "already" not in log and "could not" not in log, log
    assert ours.rows()["loop"][3] == f"---s{letter}-"
    assert waits(ours) == 0
    assert ours.out("ls /var/lib/xen | grep -c proxenos-config").strip() == "1"
    assert "it stopped 5 times within 10 s" in ours.run("xl doctor").output


def test_a_killed_watcher_is_named_and_started_and_the_guest_comes_back(ours):
    """A guest reboots while nobody watches: xl doctor says so, and starts the watcher, which starts the guest."""
    ours.out(f"xl create -q -p {ours.micro('late', 'reboot')}")
    before = domid(ours, "late")
    assert ours.kill_watcher()
    ours.out(f"{STOCK} unpause late")
    ours.until(lambda: ours.rows()["late"][3] == "---sr-", "it does not stop")
    said = ours.run("xl doctor").output
    assert re.search(r"^weak +the watcher did not run: started", said, re.M), said
    logged(ours, "late started again as domain")
    # It reboots again and again: now and then it is not there.
    ours.until(lambda: domid(ours, "late") > before, "it is not there")
    assert re.search(r"^ok +the watcher runs", ours.run("xl doctor").output, re.M)


def as_older_tools(dom0, name, **changes):
    """Keep of a guest what older tools kept: statements in place of the document; some of them changed."""
    document = dom0.out(f"ls /var/lib/xen/userdata-d.{domid(dom0, name)}.*.proxenos-config").strip()
    settings = {**json.loads(dom0.out(f"cat {document}; rm {document}"))["settings"], **changes}
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    dom0.machine.put(document.replace("proxenos-config", "xl"), "\n".join(lines) + "\n")


def test_a_guest_that_older_tools_made_is_kept(ours):
    """What they kept is read: when a device comes, and for a restart."""
    path = ours.micro("old", "reboot", vif='["bridge=xenbr0"]')
    ours.out(f"truncate -s 1M /root/old.img; xl create -q -p {path}")
    before, nics = domid(ours, "old"), json.loads(ours.out("xl list -l old"))[0]["config"]["nics"]
    as_older_tools(ours, "old")
    ours.out("xl block-attach old /root/old.img,raw,xvdb,w")
    as_older_tools(ours, "old", extra="spins_in_guest_mode")
    ours.out("xl unpause old")
    logged(ours, "old started again as domain")
    long = json.loads(ours.out("xl list -l old"))[0]
    assert long["domid"] > before and long["config"]["nics"] == nics
    assert [disk["vdev"] for disk in long["config"]["disks"]] == ["xvdb"]


def test_a_command_that_changes_something_starts_the_watcher(ours):
    ours.out(f"xl create -q -p {ours.micro('late', 'reboot')}")
    assert ours.kill_watcher()
    ours.out("xl unpause late")
    logged(ours, "late started again as domain")


def test_a_watcher_of_another_version_is_replaced(ours):
    """It could not read what these tools keep. One of an older version writes nothing into its lock's file."""
    ours.out(f"xl create -q -p {ours.micro('late', 'reboot')}")
    read = "cut -d' ' -f1 /run/xen/xl-watchd.lock"
    for line, command in (("", "xl watchd"), ("1 2 999", "xl rename late later")):
        ours.until(ours.watches, "it does not begin")
        before = ours.out(read).strip()
        ours.out(f"echo '{line}' > /run/xen/xl-watchd.lock; {command}")
        ours.until(
            lambda old=before: ours.watches() and ours.out(read).strip() not in ("", "1", old), "it is not replaced"
        )
        assert ours.run(f"kill -0 {before}").status != 0
    ours.out("xl unpause later")
    logged(ours, "later started again as domain")


STEPS = ["write its restart down", "end it", "create the domain", "keep its configuration", "start it"]
ALL_STEPS = [*STEPS, "clear the old domain away", "write its xenstore nodes", "attach its devices"]


def pytest_generate_tests(metafunc):
    if "step" in metafunc.fixturenames:
        metafunc.parametrize("step", ALL_STEPS if metafunc.config.getoption("--thorough") else STEPS)


@pytest.mark.tools_alone
def test_a_restart_is_carried_out_whoever_dies_in_it(ours, step):
    """The process that restarts a guest is killed at a step, and the watcher too: the next one finishes it, once, with one name.
    What is made again goes on running."""
    vif = '["bridge=xenbr0"]'
    later = ours.micro("later", "spins_in_guest_mode", vif=vif)
    ours.out(f"xl create -q -p {ours.micro('dying', 'reboot', vif=vif)}; xl config-update dying {later}")
    first = domid(ours, "dying")
    ours.kill_watcher()
    ours.out(f'PROXENOS_KILL_STEP="{step}" xl watchd; {STOCK} unpause dying')
    logged(ours, "was killed by signal 9")
    ours.kill_watcher()
    ours.out("xl watchd")
    logged(ours, "dying started again as domain")
    assert waits(ours) == 0
    rows = ours.rows()
    assert set(rows) == {"Domain-0", "dying"} and rows["dying"][0] > first and "p" not in rows["dying"][3], rows
    assert ours.out("ls /var/lib/xen | grep -c proxenos-config; ls /run/xen/making").split() == ["1"]


def test_a_guest_waits_while_its_restart_cannot_be_written_down(ours):
    """/run is full: the guest stays as it stopped, the log says why, and it comes back when there is room."""
    ours.out("mkdir -p /run/xen/restarts; mount -t tmpfs -o size=4k full /run/xen/restarts; echo > /run/xen/restarts/x")
    try:
        ours.out(f"xl create -q {ours.micro('late', 'reboot')}")
        before = domid(ours, "late")
        assert "No space left on device" in logged(ours, "late could not be started again")
        assert ours.rows()["late"][:4:3] == (before, "---sr-")
    finally:
        ours.out("umount /run/xen/restarts")
    logged(ours, "late started again as domain")


@pytest.fixture(name="away")
def fixture_away(ours):
    """A guest that rebooted while its kernel was away."""
    path = ours.micro("away", "reboot", kernel='"/root/other.elf"')
    ours.out(f"cp /root/micro.elf /root/other.elf; xl create -q -p {path}; rm /root/other.elf; xl unpause away")
    logged(ours, "could not be started again")
    return ours


def test_a_restart_that_fails_is_tried_again_and_told(away):
    assert domid(away, "away") == 0
    assert "guest 'away' could not be started again" in away.run("xl list").errors
    said = away.run("xl doctor").output
    assert "guest 'away' could not be started again" in said and "xl destroy away calls it off" in said, said
    away.out("cp /root/micro.elf /root/other.elf")
    logged(away, "away started again as domain", 90)


def test_a_restart_is_called_off_by_destroy(away):
    said = away.run("xl destroy away")
    assert said.status == 0 and "called off" in said.errors, said
    assert waits(away) == 0
    away.fails("xl destroy away")


LOADER = """#!/bin/bash
for word; do
    case $word in
        --output=*) output=${word#*=};;
        --output-directory=*) folder=${word#*=};;
        --args=*) args=${word#*=};;
    esac
done
[ -e /root/wait ] && touch /root/waits && read key
cp /root/micro.elf $folder/k
echo -e "kernel $folder/k\\nargs $args" > $output
"""


def test_one_guests_loader_does_not_delay_anothers_end(ours):
    """A loader that waits for a key for ever, in a restart: another guest that powers off goes at once."""
    ours.machine.put("/root/slowloader", LOADER)
    ours.out("chmod +x /root/slowloader; truncate -s 1M /root/slow.img; rm -f /root/wait /root/waits")
    loader = {"kernel": '""', "bootloader": '"/root/slowloader"', "disk": '["/root/slow.img,raw,xvda,r"]'}
    ours.out(f"xl create -q -p {ours.micro('evil', 'reboot', **loader)}")
    ours.out(f"xl create -q -p {ours.micro('good', 'end_unknown', on_poweroff=chr(34) + 'destroy' + chr(34))}")
    ours.out("touch /root/wait; xl unpause evil")
    ours.until(lambda: ours.run("test -e /root/waits").status == 0, "its loader is not asked")
    ours.out("xl unpause good")
    ours.until(lambda: "good" not in ours.rows(), "the other guest waits", 30)
    ours.out("rm /root/wait; xl destroy evil")


def test_the_old_one_of_a_rename_restart_stays(ours):
    """It has another name, the new one has its own; a restart does not make what is kept longer."""
    ours.out(f"xl create -q {ours.micro('kept', 'reboot', on_reboot=chr(34) + 'rename-restart' + chr(34))}")
    logged(ours, "not started again", 180)
    rows = ours.rows()
    assert "kept" in rows and sum(name.startswith("kept-") for name in rows) == 4, rows
    sizes = [int(word) for word in ours.out("stat -c %s /var/lib/xen/userdata-*.proxenos-config").split()]
    assert len(sizes) == 5 and max(sizes) - min(sizes) < 40, sizes
