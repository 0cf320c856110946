# SPDX-License-Identifier: Apache-2.0
"""Ways in and out: boot doors, numbers of CPUs, sizes of memory, power-off and reboot. What is about booting boots (boot=True)."""

import re

import pytest
from dom0 import Dom0

HYPERVISOR_ALONE = True


@pytest.mark.parametrize("door", ["multiboot", "multiboot2", "uefi"])
def test_door(cell, door):
    """Each boot loader's way ends in a dom0 that can list domains."""
    machine = cell.machine(f"door-{door}", boot=True, door=door, unpacked_kernel=False)
    try:
        assert "Domain-0" in machine.check("xl list")
    finally:
        machine.stop()


@pytest.mark.parametrize("cpus, memory", [(4, 2048), (8, 16384)])
def test_host_sizes(cell, cpus, memory):
    machine = cell.machine(f"host-{cpus}-{memory}", boot=True, cpus=cpus, memory=memory)
    try:
        assert machine.check("xl info nr_cpus").strip() == str(cpus)
        assert machine.check("nproc").strip() == str(cpus)
        assert 0 <= memory - int(machine.check("xl info total_memory")) < 64
    finally:
        machine.stop()


@pytest.mark.parametrize("command", ["poweroff", "reboot"])
def test_end(cell, command):
    """dom0 ends the machine: QEMU ends by itself on both."""
    machine = cell.machine(f"end-{command}")
    try:
        machine.run(f"(sleep 0.3; {command}) > /dev/null 2>&1 &")
        assert machine.wait_end(60), machine.tail()
    finally:
        machine.stop()


def test_unknown_option_is_no_failure(cell):
    machine = cell.machine("option", boot=True, hypervisor_args="no-such-option=1 another -- lab.word=1 lab.more")
    try:  # what follows the dashes is for dom0's kernel
        assert machine.check("cat /proc/cmdline").strip().endswith("quiet lab.word=1 lab.more")
    finally:
        machine.stop()


def test_disks_and_network_cards(cell, tmp_path):
    """AHCI and virtio disks, e1000e and virtio cards, by their interrupts, in dom0."""
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode() * 1000 + bytes(1 << 20))
    machine = cell.machine(
        "devices", boot=True, disks=[f"ahci:{tmp_path}/one", f"virtio:{tmp_path}/two"], nics=["virtio", "e1000e"]
    )
    try:
        machine.check(
            "modprobe ahci; modprobe sd_mod; for i in $(seq 50); do [ -b /dev/sda ] && break; sleep 0.2; done"
        )
        assert machine.check("head -c 6 /dev/sda") == "oneone"
        assert machine.check("head -c 6 /dev/vda") == "twotwo"
        machine.check("echo written | dd of=/dev/vda conv=fsync bs=512 2>/dev/null")
        machine.check("echo written | dd of=/dev/sda conv=fsync bs=512 2>/dev/null")
        machine.check("ping -c 2 -W 5 10.0.2.2")
        machine.check(
            "ip addr flush dev xenbr0; ip addr add 10.0.2.16/24 dev eth1; ip link set eth1 up; "
            "for i in $(seq 100); do grep -q 1 /sys/class/net/eth1/carrier && break; sleep 0.1; done; "
            "ping -c 3 -W 10 10.0.2.2"
        )
    finally:
        machine.stop()
    assert (tmp_path / "one").read_bytes()[:7] == b"written"
    assert (tmp_path / "two").read_bytes()[:7] == b"written"


# Address spaces that come and go on all CPUs; pipes, copies, signals.
WORK = (
    "sh -c 'for cpu in 1 2; do (i=0; while [ $i -lt 20 ]; do echo $i | cat | cat; i=$((i+1)); done | wc -l) & done; wait; "
    "dd if=/dev/urandom of=/a bs=64k count=32 2>/dev/null; cp /a /b; cmp /a /b && echo same; rm /a /b; "
    "sleep 60 & kill -TERM $!; wait $!; echo ended $?'"
)
RESULT = ["20", "20", "same", "ended 143"]


def lines(text):
    """What WORK says, without what a shell adds of its own."""
    return [line.strip() for line in text.split("\n") if line.strip() in RESULT]


def test_linux_on_isolated_page_tables(cell):
    """dom0 and a guest of several CPUs, on page tables without the hypervisor (XPTI)."""
    if cell.toolstack != "stock":
        pytest.skip("the hypervisor's affair: beside one toolstack")
    machine = cell.machine("xpti", boot=True, cpus=2, hypervisor_args="xpti=on")
    try:
        dom0 = Dom0(machine)
        assert re.search("XPTI.*(on|enabled)", dom0.out("xl dmesg"))
        guest = dom0.guest(vcpus=2).up(120)
        assert guest.run("nproc")[1].split()[-1] == "2"
        status, text = guest.run(WORK, 240)
        assert status == 0 and lines(text) == RESULT, text
        assert lines(dom0.out(f"{WORK} 2>/dev/null", 240)) == RESULT
        dom0.out("xl vcpu-set guest 1; xl shutdown -w guest", 120)
        assert dom0.out("dmesg | grep -c BUG: || true").strip() == "0"
    finally:
        machine.stop()
