# SPDX-License-Identifier: Apache-2.0
"""Interfaces of guests: bridged, routed, translated, by the tools themselves, by stock's scripts and by a user's."""

import pytest

TOOLS_ALONE = True


@pytest.fixture
def xl_conf(dom0):
    """Writes /etc/xen/xl.conf; the old one comes back."""
    dom0.out("cp /etc/xen/xl.conf /root/xl.conf")
    yield lambda text: dom0.machine.put("/etc/xen/xl.conf", text)
    dom0.out("cp /root/xl.conf /etc/xen/xl.conf")


def network(dom0):
    """What the tools may not leave behind."""
    return dom0.out(
        "ls /sys/class/net; ip -4 addr | sed 's/state [A-Z]*//'; ip route; ip -6 route | grep fd00; nft list ruleset; cat /proc/sys/net/ipv4/ip_forward; ls /run/xen | grep translation$; xenstore-ls -f /local/domain/0 | grep backend/vif/[0-9]; true"
    )


def addressed(guest, address, router):
    """In the guest: one address, everything else by the router."""
    status, text = guest.run(
        f"for i in 1 2 3 4 5 6 7 8 9; do [ -e /sys/class/net/eth0 ] && break; sleep 0.5; done; ip addr add {address}/32 dev eth0; "
        f"ip link set eth0 up; ip route add {router} dev eth0; ip route add default via {router}"
    )
    assert status == 0, text


def test_bridged(ours):
    """Port of the bridge, with its MTU, its MAC address out of the way, named as wished; gone with the guest."""
    ours.out("ip link add br1 type bridge; ip link set br1 mtu 1400 up")
    before = network(ours)
    guest = ours.guest(vif='["bridge=br1,vifname=inner,mac=00:16:3e:01:02:03", "bridge=xenbr0"]').up()
    assert ours.out("cat /sys/class/net/inner/mtu /sys/class/net/inner/address").split() == [
        "1400",
        "fe:ff:ff:ff:ff:ff",
    ]
    assert ours.out("ls /sys/class/net/br1/brif").split() == ["inner"]
    assert f"vif{guest.domid}.1" in ours.out("ls /sys/class/net/xenbr0/brif")
    assert ours.out(f"xenstore-read /local/domain/{guest.domid}/device/vif/0/mtu").strip() == "1400"
    assert ours.out(f"xenstore-read /local/domain/0/backend/vif/{guest.domid}/0/hotplug-status").strip() == "connected"
    ours.out("xl destroy guest")
    assert network(ours) == before
    ours.out("ip link del br1")


def test_segmentation_offload(dom0):
    """Both ends offer it."""
    guest = dom0.guest(ip="10.0.2.71").up()
    for end in f"/local/domain/{guest.domid}/device/vif/0", f"/local/domain/0/backend/vif/{guest.domid}/0":
        assert dom0.out(f"xenstore-read {end}/feature-gso-tcpv4").strip() == "1"


def test_rate(dom0):
    guest = dom0.guest(vif='["rate=10Mb/s"]').up()
    assert dom0.out(f"xenstore-read /local/domain/0/backend/vif/{guest.domid}/0/rate").strip() == "62500,50000"


def test_routed(ours):
    before = network(ours)
    guest = ours.guest(vif='["script=vif-route,ip=10.9.0.5"]').up()
    assert f"10.9.0.5 dev vif{guest.domid}.0" in ours.out("ip route")
    assert ours.out(f"cat /proc/sys/net/ipv4/conf/vif{guest.domid}.0/proxy_arp").strip() == "1"
    addressed(guest, "10.9.0.5", "10.0.2.15")
    assert "2 received" in ours.out("ping -c 2 -W 5 10.9.0.5")
    ours.out("xl destroy guest")
    assert network(ours) == before


def test_routed_ipv6(ours):
    """Addresses of both families; the interface's link-local address is the guest's router."""
    before = network(ours)
    guest = ours.guest(vif='["script=vif-route,ip=10.9.0.5 fd00:9::5 fd00:9:1::/64"]').up()
    vif = f"vif{guest.domid}.0"
    assert f"10.9.0.5 dev {vif}" in ours.out("ip route")
    routes = ours.out("ip -6 route")
    assert f"fd00:9::5 dev {vif}" in routes and f"fd00:9:1::/64 dev {vif}" in routes
    addressed(guest, "10.9.0.5", "10.0.2.15")
    status, text = guest.run(
        "ip -6 addr add fd00:9::5/128 dev eth0 && ip -6 route add default via fe80::fcff:ffff:feff:ffff dev eth0"
    )
    assert status == 0, text
    ours.until(lambda: ours.run("ping -c 1 -W 2 fd00:9::5").status == 0, "no answer by IPv6", 30)
    assert "2 received" in ours.out("ping -c 2 -W 5 10.9.0.5")
    ours.out("xl destroy guest")
    assert network(ours) == before
    ours.guest(vif='["script=vif-route,ip=fd00:9::5"]', options="-p")
    assert "fd00:9::5" in ours.out("ip -6 route")
    ours.out("xl destroy guest")
    assert network(ours) == before


def test_translated(ours):
    """The guest reaches the outside, which does not know its address."""
    before = network(ours)
    guest = ours.guest(vif='["script=vif-nat,ip=10.9.0.5"]').up()
    addressed(guest, "10.9.0.5", "10.9.0.132")
    assert guest.run("ping -c 2 -W 5 10.0.2.2")[0] == 0
    assert "10.9.0.5" in ours.out("nft list ruleset")
    ours.guest("second", vif='["script=vif-nat,ip=10.9.0.6"]')
    ours.out("xl destroy guest")
    assert "10.9.0.5" not in ours.out("nft list ruleset") and "10.9.0.6" in ours.out("nft list ruleset")
    assert ours.out("cat /proc/sys/net/ipv4/ip_forward").strip() == "1"
    ours.out("xl destroy second")
    assert ours.out("cat /proc/sys/net/ipv4/ip_forward").strip() == "0"
    assert network(ours) == before


def test_translation_keeps_what_was(ours):
    """Forwarding that was on stays on; what stock tools destroy is cleaned up by the watcher."""
    ours.out("echo 1 > /proc/sys/net/ipv4/ip_forward")
    before = network(ours)
    ours.guest(vif='["script=vif-nat,ip=10.9.0.5"]', options="-p")
    ours.out("xl destroy guest")
    assert network(ours) == before
    ours.out("echo 0 > /proc/sys/net/ipv4/ip_forward")
    before = network(ours)
    for name, number in ("guest", 5), ("second", 6):
        ours.guest(name, vif=f'["script=vif-nat,ip=10.9.0.{number}"]', options="-p")
    ours.out("/usr/lib/xen-4.17/bin/xl destroy guest")
    ours.until(lambda: "10.9.0.5" not in ours.out("nft list ruleset"), "its address is left", 20)
    assert "10.9.0.6" in ours.out("nft list ruleset")
    ours.out("/usr/lib/xen-4.17/bin/xl destroy second")
    ours.until(lambda: network(ours) == before, "the network is not as it was", 20)


def test_users_script(dom0):
    """What a script finds in its arguments and its environment is the same with all tools."""
    dom0.machine.put(
        "/etc/xen/scripts/vif-mine",
        """#!/bin/bash
echo "$@ vif=$vif netdev=$netdev $XENBUS_TYPE $XENBUS_PATH $XENBUS_BASE_PATH $script" >> /root/vif.log
[ "$1" = online ] || exit 0
ip link set "$vif" master xenbr0 up
xenstore-write "$XENBUS_PATH/hotplug-status" connected
""",
    )
    dom0.out("chmod +x /etc/xen/scripts/vif-mine; rm -f /root/vif.log")
    guest = dom0.guest(ip="10.0.2.72", vif='["script=vif-mine,vifname=mine,gatewaydev=xenbr0"]').up()
    domid = guest.domid
    assert "2 received" in dom0.out("ping -c 2 -W 5 10.0.2.72")
    dom0.out("xl destroy guest")
    words = f"type_if=vif vif=vif{domid}.0 netdev=xenbr0 vif backend/vif/{domid}/0 backend /etc/xen/scripts/vif-mine"
    assert dom0.out("cat /root/vif.log").splitlines() == [f"online {words}", f"offline {words}"]


@pytest.mark.parametrize("vif", ['"script=/etc/xen/scripts/vif-bridge,vifname=stock"', '"vifname=stock"'])
def test_stock_script(ours, xl_conf, vif):
    """Stock's own script, by its path or because xl.conf wants no native ones."""
    if "script" not in vif:
        xl_conf("native_hotplug=0\n")
    before = network(ours)
    address = (
        "10.0.2.73" if "script" in vif else "10.0.2.74"
    )  # two MAC addresses of one IP address confuse the neighbours
    ours.guest(ip=address, vif=f"[{vif}]").up()
    assert "stock" in ours.out("ls /sys/class/net/xenbr0/brif")
    assert "2 received" in ours.out(f"ping -c 2 -W 5 {address}")
    ours.out("xl destroy guest")
    ours.until(lambda: network(ours) == before, "the network is not as it was", 10)


BAD = {
    "bridge=nowhere": "there is no bridge 'nowhere'",
    "vifname=xenbr0": "there is an interface 'xenbr0' already",
    "script=vif-nat,ip=10.9.0.200": "leaves no room for its gateway",
    "script=vif-route,ip=fe80::1::2": "'fe80::1::2' is not an IP address",
    "script=vif-nat,ip=fd00::2": "'fd00::2': vif-nat translates IPv4 only",
    "script=vif-nat,ip=10.9.0.5 10.9.0.6": "vif-nat translates one address, but ip= has 2",
    "script=vif-route,ip=10.9.0.5,gatewaydev=none0": "there is no interface 'none0'",
    "backend=17": "does not exist",
}


@pytest.mark.parametrize("vif", BAD)
def test_bad_interface(ours, vif):
    """One clear sentence, at creation and at hot-plug, and nothing left."""
    words = " ".join(f"'{word}'" for word in vif.split(","))
    before = network(ours)
    assert BAD[vif] in ours.fails(f"""xl create -q {ours.config("guest")} \"vif=['{vif}']\"""")
    assert len(ours.rows()) == 1
    ours.out("xl create -q -p /etc/xen/guest.cfg")
    assert BAD[vif] in ours.fails(f"xl network-attach guest {words}")
    ours.out("xl destroy guest")
    assert network(ours) == before


@pytest.mark.parametrize(
    "step", ["write its devices' nodes", "wait for its back ends", "join its networks", "run its hotplug scripts"]
)
def test_hot_plug_that_fails(ours, step):
    """Each step of a hot-plug, made to fail and interrupted: the guest and the host are as before."""
    ours.guest(options="-p")
    before = network(ours)
    for how in "FAIL", "STOP":
        ours.fails(f'PROXENOS_{how}_STEP="{step}" xl network-attach guest script=vif-nat ip=10.9.0.7')
        assert len(ours.out("xl network-list guest").splitlines()) == 1
        assert network(ours) == before
