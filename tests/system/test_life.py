# SPDX-License-Identifier: Apache-2.0
"""The life of a paravirtual guest: created, paused, renamed, shut down, rebooted, crashed, destroyed."""


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
