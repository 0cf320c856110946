# SPDX-License-Identifier: Apache-2.0
"""Disks and network cards of guests, with the stock Linux backends."""

import pytest


@pytest.fixture
def image(dom0):
    """A 16 MiB ext4 image in dom0."""
    dom0.out("rm -f /root/disk.img; truncate -s 16M /root/disk.img; mke2fs -q -t ext4 -F /root/disk.img")
    yield "/root/disk.img"
    dom0.run("losetup -D")


def loops(dom0):
    return dom0.out("losetup -a").strip()


def write_and_read(guest):
    """In the guest: write a file, read it back past the cache."""
    status, text = guest.run(
        "mount -t ext4 /dev/xvda /mnt && dd if=/dev/urandom of=/mnt/f bs=64k count=64 2>/dev/null && "
        "sha256sum < /mnt/f && umount /mnt && echo 3 > /proc/sys/vm/drop_caches && "
        "mount -t ext4 /dev/xvda /mnt && sha256sum < /mnt/f && umount /mnt"
    )
    assert status == 0, text
    sums = [line for line in text.splitlines() if line.endswith("  -")]
    assert len(sums) == 2 and sums[0] == sums[1]
    return sums[0]


@pytest.mark.parametrize("form", ["file:{0},xvda,w", "{0},raw,xvda,rw", "format=raw, vdev=xvda, access=rw, target={0}"])
def test_file_disk(dom0, image, form):
    """A file: what the guest wrote is in the file; the loop device is gone afterwards."""
    guest = dom0.guest(disk=f'["{form.format(image)}"]').up()
    written = write_and_read(guest)
    dom0.out("xl shutdown -w guest")
    guest.wait_gone()
    dom0.until(lambda: loops(dom0) == "", "a loop device is left", 20)
    assert dom0.out(f"mount -o loop,ro {image} /mnt && sha256sum < /mnt/f; umount /mnt").strip() == written


def test_physical_disk(dom0, image):
    """A block device of dom0."""
    device = dom0.out(f"losetup -f --show {image}").strip()
    guest = dom0.guest(disk=f'["phy:{device},xvda,w"]').up()
    write_and_read(guest)


def test_read_only_disk(dom0, image):
    guest = dom0.guest(disk=f'["file:{image},xvda,r"]').up()
    assert guest.run("cat /sys/block/xvda/ro")[1].strip() == "1"
    assert guest.run("dd if=/dev/zero of=/dev/xvda bs=4k count=1")[0] != 0


def test_missing_disk_leaves_nothing(dom0):
    dom0.fails(f"""xl create {dom0.config("guest", disk='["file:/nowhere.img,xvda,w"]')}""")
    assert len(dom0.rows()) == 1


def test_hot_plug_disk(dom0, image):
    guest = dom0.guest().up()
    dom0.out(f"xl block-attach guest file:{image},xvda,w")
    assert (
        guest.run("for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/xvda ] && break; sleep 0.5; done; test -b /dev/xvda")[0]
        == 0
    )
    rows = dom0.out("xl block-list guest").splitlines()
    assert rows[0].split() == ["Vdev", "BE", "handle", "state", "evt-ch", "ring-ref", "BE-path"]
    assert rows[1].split()[:4] == ["51712", "0", str(guest.domid), "4"]
    write_and_read(guest)
    dom0.out("xl block-detach guest xvda")
    assert len(dom0.out("xl block-list guest").splitlines()) == 1


def test_network(dom0):
    """Guest and dom0 over xenbr0, and the outside behind it."""
    guest = dom0.guest(ip="10.0.2.51").up()
    assert "3 received" in dom0.out("ping -c 3 -i 0.3 -W 5 10.0.2.51")
    assert guest.run("ping -c 2 -W 5 10.0.2.15")[0] == 0
    assert guest.run("ping -c 2 -W 5 10.0.2.2")[0] == 0
    assert guest.run("cat /sys/class/net/eth0/address")[1].startswith("00:16:3e:")


def test_network_carries_data(dom0):
    guest = dom0.guest(ip="10.0.2.52").up()
    dom0.run("dd if=/dev/urandom of=/root/data bs=64k count=64 2>/dev/null")
    want = dom0.out("sha256sum < /root/data").split()[0]
    listens = f"grep -q :{7000:04X} /proc/net/tcp"
    dom0.out(
        "(socat -u FILE:/root/data TCP-LISTEN:7000,reuseaddr > /dev/null 2>&1 &); "
        f"timeout 20 bash -c 'until {listens}; do sleep 0.1; done'"
    )
    assert want in guest.run("nc 10.0.2.15 7000 < /dev/null | sha256sum", 120)[1]


def test_two_guests_talk(dom0):
    first = dom0.guest("first", ip="10.0.2.53").up()
    dom0.guest("second", ip="10.0.2.54").up()
    assert first.run("ping -c 3 -W 5 10.0.2.54")[0] == 0


def test_given_mac_and_bridge(dom0):
    guest = dom0.guest(vif='["mac=00:16:3e:11:22:33,bridge=xenbr0"]').up()
    assert guest.run("cat /sys/class/net/eth0/address")[1].strip() == "00:16:3e:11:22:33"
    assert f"vif{guest.domid}.0" in dom0.out("ls /sys/class/net/xenbr0/brif")


def test_missing_bridge_leaves_nothing(dom0):
    dom0.fails(f"""xl create {dom0.config("guest", vif='["bridge=nowhere"]')}""")
    assert len(dom0.rows()) == 1


def test_hot_plug_network(dom0):
    guest = dom0.guest().up()
    dom0.out("xl network-attach guest bridge=xenbr0 mac=00:16:3e:aa:bb:cc")
    assert (
        guest.run(
            "for i in 1 2 3 4 5 6 7 8 9; do [ -e /sys/class/net/eth0 ] && break; sleep 0.5; done; "
            "cat /sys/class/net/eth0/address"
        )[1].strip()
        == "00:16:3e:aa:bb:cc"
    )
    rows = dom0.out("xl network-list guest").splitlines()
    assert rows[0].split()[:4] == ["Idx", "BE", "Mac", "Addr."]
    assert "00:16:3e:aa:bb:cc" in rows[1]
    # What the guest writes to its own nodes neither reaches the administrator's terminal nor hides the interface.
    dom0.out(r"xenstore-write /local/domain/$(xl domid guest)/device/vif/0/mac '\x1b[2Jevil'")
    assert dom0.out("xl network-list guest").splitlines() == rows
    dom0.fails("xl network-detach guest 00:16:3e:aa:bb:cd")
    dom0.out("xl network-detach guest 00:16:3e:aa:bb:cc")
    assert len(dom0.out("xl network-list guest").splitlines()) == 1


def test_devices_that_come_and_go_at_once(ours, image):
    """Scripts attach and detach the same device without a pause: each time the guest has what was attached last."""
    guest = ours.guest().up()
    ours.out(
        "for i in 1 2 3; do "
        f"xl block-attach guest file:{image},xvda,w && xl block-detach guest xvda && "
        "xl network-attach guest mac=00:16:3e:aa:bb:0$i && xl network-detach guest 0 || exit; "
        f"done; xl block-attach guest file:{image},xvda,w && xl network-attach guest mac=00:16:3e:aa:bb:04"
    )
    for kind in ("block", "network"):
        rows = f"xl {kind}-list guest"
        ours.until(lambda rows=rows: " 4 " in ours.out(rows), f"the device does not connect: {rows}", 20)
    assert guest.run("cat /sys/class/net/eth0/address")[1].strip() == "00:16:3e:aa:bb:04"
    write_and_read(guest)


def test_backends_are_gone_with_the_guest(dom0, image):
    guest = dom0.guest(ip="10.0.2.55", disk=f'["file:{image},xvda,w"]').up()
    vif = f"vif{guest.domid}.0"
    assert vif in dom0.out("ls /sys/class/net")
    dom0.out("xl destroy guest")
    dom0.until(lambda: vif not in dom0.out("ls /sys/class/net"), "the vif is left", 20)
    dom0.until(lambda: loops(dom0) == "", "a loop device is left", 20)
