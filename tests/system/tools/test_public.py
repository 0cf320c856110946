# SPDX-License-Identifier: Apache-2.0
"""What people bring to a host: old files, words in odd places, limits of another machine. Where stock goes on, so do we."""

import json

import pytest

TOOLS_ALONE = True

LOADER = r"""#!/bin/bash
printf '<%s>' "$@" > /tmp/words
id -u >> /tmp/words
exit 1
"""


@pytest.fixture(name="ours")
def fixture_ours(cell, dom0):
    if cell.toolstack != "proxenos":
        pytest.skip("about our tools")
    dom0.micro("shop", "spins_in_guest_mode")
    return dom0


def test_boot_loaders_words(ours):
    """bootloader_args as one string is split at blanks."""
    ours.machine.put("/usr/lib/xen-4.17/bin/wordloader", LOADER)
    ours.out("chmod +x /usr/lib/xen-4.17/bin/wordloader; truncate -s 1M /root/shop.img")
    words = "bootloader='\"wordloader\"' bootloader_args='\"--one=1 --two=2\"' disk='[\"file:/root/shop.img,xvda,w\"]'"
    ours.fails(f"xl create -q -p /etc/xen/shop.cfg {words}")
    assert "<--one=1><--two=2>" in ours.out("cat /tmp/words")


def test_boot_loaders_user(ours):
    """bootloader_restrict without a user is a refusal; with one the loader is that user."""
    ours.machine.put("/root/wordloader", LOADER)
    ours.out("chmod 755 /root /root/wordloader; truncate -s 1M /root/shop.img; rm -f /tmp/words; chmod 1777 /tmp")
    words = "bootloader='\"/root/wordloader\"' disk='[\"file:/root/shop.img,xvda,w\"]'"
    ours.out(
        "cp /etc/xen/xl.conf /root/xl.conf; cp /etc/passwd /root/passwd; echo 'bootloader_restrict=1' >> /etc/xen/xl.conf"
    )
    try:
        assert "no boot loader runs" not in ours.run("xl list; xl man xl.conf").output
        said = ours.fails(f"xl create -q -p /etc/xen/shop.cfg {words}")
        assert "there is no user 'xen-bootloader'" in said and "useradd" in said, said
        assert ours.run("test -e /tmp/words").status == 1
        ours.out("echo 'xen-bootloader:x:991:991::/:/bin/false' >> /etc/passwd")
        said = ours.fails(f"xl create -q -p /etc/xen/shop.cfg {words}")
        assert ours.out("cat /tmp/words").endswith(">991\n"), said
    finally:
        ours.out("cp /root/xl.conf /etc/xen/xl.conf; cp /root/passwd /etc/passwd; rm -f /tmp/words")


def test_more_grant_frames_than_allowed(ours):
    assert "max_grant_frames=4096" in ours.fails("xl create -q -p /etc/xen/shop.cfg max_grant_frames=4096")
    assert len(ours.rows()) == 1


def test_all_on_the_command_line(ours):
    plan = ours.out("xl create -q -n /dev/null 'name=\"shop\"' 'kernel=\"/boot/vmlinux\"' memory=128")
    assert json.loads(plan)["c_info"]["name"] == "shop"


def test_foreign_files(ours):
    for name, text, what in (
        ("xml", '<domain type="xen">\n</domain>\n', "this is XML"),
        ("sxp", "(domain\n  (name shop))\n", "this is an S-expression"),
        ("json", '{ "c_info": {} }\n', "this is JSON"),
    ):
        ours.machine.put(f"/root/shop.{name}", text)
        assert f"/root/shop.{name}:1: {what}" in ours.fails(f"xl create -n /root/shop.{name}")


def test_check_of_a_configuration(ours):
    said = ours.run("xl config check /etc/xen/shop.cfg memory=1G 'disk=[\"/none,raw,xvda,w\"]'")
    assert said.status == 0 and "there is no '/none'" in said.errors and "configured well" in said.output, said
    assert "must be a size" in ours.fails("xl config check /etc/xen/shop.cfg memory=1X")
    assert ours.run("xl config").status == 2


def test_an_emulated_card_for_a_pv_guest(ours):
    """Stock shows it in a dry run, and refuses to make the guest."""
    ours.out("xl create -q -n /etc/xen/shop.cfg 'vif=[\"type=ioemu\"]'")
    said = ours.run("xl create -q -p /etc/xen/shop.cfg 'vif=[\"type=ioemu\"]'")
    assert said.status == 3 and "only HVM guests have" in said.errors, said


def test_devices_of_the_host_are_not_left_away_in_silence(ours):
    said = ours.run("xl create -q -p /etc/xen/shop.cfg 'pci=[\"01:00.0\"]'")
    assert said.status == 3 and "pci" in said.errors, said


def test_a_driver_domain_gets_its_nodes(ours):
    ours.out("xl create -q -p /etc/xen/shop.cfg driver_domain=1")
    number = ours.out("xl domid shop").strip()
    for node in ("libxl", "device-model"):
        assert ours.out(f"xenstore-ls -p /local/domain/{number} | grep '^{node} '").count(f"(n{number}") == 1
