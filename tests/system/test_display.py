# SPDX-License-Identifier: Apache-2.0
"""Frame buffers, which QEMU in dom0 shows by VNC: what a viewer meets, what stock tools find in the store, what is left."""

import re

import pytest

TOOLS_ALONE = True
MACHINE = {"device_model": True, "memory": 3584}
STOCK = "/usr/lib/xen-4.17/bin/xl"
HELLO = r"exec 3<>/dev/tcp/127.0.0.1/{}; head -c 12 <&3"


def store(dom0, domid):
    """Nodes of the guest's display, their permissions, and QEMU's part; without what differs from one domain to the next."""
    lines = [
        line
        for line in dom0.out("xenstore-ls -fp").splitlines()
        if re.search("vfb|vkbd|console/vnc|device-model/|libxl.*setup", line)
    ]
    text = "\n".join(line for line in lines if not re.search("page-|event-channel|device-model-pid|/setup = ", line))
    return re.sub(
        rf'(domain/|backend/vfb/|backend/vkbd/|libxl/|device-model/|frontend-id = "|[(,][nr]){domid}(?![0-9])',
        r"\1N",
        text,
    )


def test_a_viewer_is_served_and_nothing_is_left(cell, dom0):
    guest = dom0.guest(vfb='["vnc=1,vncdisplay=3"]').up(120)
    status, text = guest.run("cat /proc/fb; grep -c Xen /proc/bus/input/devices")
    assert status == 0 and text.splitlines()[0].startswith("0 xen"), text
    assert dom0.out(f"xenstore-read /local/domain/{guest.domid}/console/vnc-port").strip() == "5903"
    assert "RFB 003.008" in dom0.out(HELLO.format(5903))
    # Whoever is a viewer gets the address; here it is a program that says it.
    dom0.out("printf '#!/bin/sh\necho viewer of $*\n' > /usr/bin/vncviewer; chmod +x /usr/bin/vncviewer")
    assert "viewer of 127.0.0.1:3" in dom0.out("xl vncviewer guest")
    if cell.toolstack == "proxenos":  # stock tools hand on what the guest wrote
        for node in ("vnc-listen", "vnc-port"):
            dom0.out(f"xenstore-write /local/domain/{guest.domid}/console/{node} evil")
        assert "viewer of 127.0.0.1:3" in dom0.out("xl vncviewer guest")
    dom0.out("rm /usr/bin/vncviewer; xl destroy guest")
    guest.wait_gone()
    assert dom0.run(HELLO.format(5903)).status != 0
    assert not re.search("vfb|vkbd", dom0.out("xenstore-ls -f"))
    dom0.until(lambda: not dom0.run("pidof xen-qemu-system-i386").output.strip(), "QEMU stays", 20)


def test_the_next_free_display_is_taken(dom0):
    first = dom0.guest("first", vfb='["vnc=1"]')
    second = dom0.guest("second", vfb='["vncunused=1,keymap=de"]')
    try:
        ports = [
            dom0.out(f"xenstore-read /local/domain/{each.domid}/console/vnc-port").strip() for each in (first, second)
        ]
        assert ports == ["5900", "5901"]
    finally:
        dom0.run("xl destroy first; xl destroy second")


@pytest.mark.parametrize("spec", ["", "vnc=1,vnclisten=127.0.0.1,vncdisplay=4,vncunused=0", "vnc=0"])
def test_store_and_list_are_as_stock(ours, spec):
    path = ours.config("guest", vfb=f'["{spec}"]')
    seen = []
    for tool in (STOCK, "xl"):
        ours.out(f"{tool} create -q -p {path}", 180)
        seen.append(
            (
                store(ours, ours.rows()["guest"][0]),
                re.sub(r'"(domid|uuid)": .*', "", ours.out(f"{STOCK} list -l guest")),
                re.sub(r'"(domid|uuid)": .*', "", ours.out("xl list -l guest")),
            )
        )
        ours.out("xl destroy guest")
    for stock, our in zip(*seen):
        assert stock == our, f"{stock}\n---\n{our}"
    assert seen[1][1] == seen[1][2]


@pytest.mark.parametrize(
    "spec, words",
    [
        ("vnc=1,vnclisten=192.0.2.1", "192.0.2.1"),
        ("vncdisplay=x", "no VNC display"),
        ("keymap=nosuch", "nosuch"),
        ("sdl=1", "sdl"),
    ],
)
def test_what_cannot_be_shown(ours, spec, words):
    """One message with QEMU's reason; no guest, no QEMU, no nodes."""
    said = ours.fails(f"xl create {ours.config('guest', vfb=f'[{chr(34)}{spec}{chr(34)}]')}")
    assert words in said and "guest" not in ours.rows()
    assert not re.search("vfb|vkbd", ours.out("xenstore-ls -f"))
    assert not ours.run("pidof xen-qemu-system-i386").output.strip()
