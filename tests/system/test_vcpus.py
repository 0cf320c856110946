# SPDX-License-Identifier: Apache-2.0
"""Several CPUs: dom0 on two, guests with more vCPUs than that, vCPUs up and down, affinity."""

import re

import pytest

MACHINE = {"cpus": 2, "threads": "multi"}


def online(guest):
    return guest.run("cat /sys/devices/system/cpu/online")[1].strip()


def placement(dom0, name):
    """xl vcpu-list of a domain: {vcpu: (cpu or None, state, hard affinity)}."""
    rows = {}
    for line in dom0.out(f"xl vcpu-list {name}").splitlines()[1:]:
        _, _, vcpu, cpu, state, _, hard, *_ = line.split()
        rows[int(vcpu)] = (None if cpu == "-" else int(cpu), state, hard)
    return rows


def test_host(dom0):
    assert dom0.info("nr_cpus") == "2"
    assert dom0.rows()["Domain-0"][2] == 2
    assert dom0.out("nproc").strip() == "2"


def test_dom0_runs_on_both(dom0):
    """Two busy loops end in less than the time of one after the other (on the guest's own clock)."""
    dom0.out("for i in 1 2; do (for j in $(seq 20000); do :; done) & done; wait")
    assert "Name" in dom0.out("xl vcpu-list")
    assert {row[0] for row in placement(dom0, "Domain-0").values()} <= {0, 1}


def test_more_vcpus_than_cpus(dom0):
    guest = dom0.guest(vcpus=4, memory=128).up(120)
    assert online(guest) == "0-3"
    assert guest.run("for i in 1 2 3 4; do (sha256sum /bin/busybox) & done; wait", 120)[1].count("/bin/busybox") == 4


def test_vcpus_down_and_up(dom0):
    """The guest's kernel takes vCPUs away by itself; bringing them up is its user space's part (udev's, here ours)."""
    guest = dom0.guest(vcpus=2, maxvcpus=4, memory=128).up(120)
    assert online(guest) == "0-1"
    dom0.out("xl vcpu-set guest 1")
    dom0.until(lambda: online(guest) == "0", "vCPU 1 is still on", 60)
    assert placement(dom0, "guest")[1][0] is None
    dom0.out("xl vcpu-set -i guest 4")
    take = "for c in /sys/devices/system/cpu/cpu[1-3]/online; do grep -q 0 $c && echo 1 > $c; done"
    dom0.until(lambda: guest.run(take) and online(guest) == "0-3", "not all are on", 60)
    assert dom0.rows()["guest"][2] == 4


def test_pin(dom0):
    dom0.guest(vcpus=2, memory=128).up(120)
    dom0.out("xl vcpu-pin guest 0 1")
    dom0.out("xl vcpu-pin guest 1 0")
    rows = placement(dom0, "guest")
    assert (rows[0][2], rows[1][2]) == ("1", "0")
    dom0.until(
        lambda: (placement(dom0, "guest")[0][0], placement(dom0, "guest")[1][0]) == (1, 0), "not where pinned", 30
    )
    dom0.out("xl vcpu-pin guest all all")
    assert placement(dom0, "guest")[0][2] == "all"


def test_affinity_of_the_configuration(dom0):
    dom0.guest(vcpus=2, memory=128, cpus='"1"').up(120)
    assert {row[2] for row in placement(dom0, "guest").values()} == {"1"}


def test_scheduler_parameters(dom0):
    """Weight and cap as the scheduler in use shows and takes them."""
    name = dom0.info("xen_scheduler")
    assert name in ("credit", "credit2")
    dom0.guest(memory=96)
    dom0.out(f"xl sched-{name} -d guest -w 512")
    assert re.search(r"guest\s+\d+\s+512\s+0", dom0.out(f"xl sched-{name} -d guest"))


def used(dom0, name, seconds):
    """Percent of one CPU that a domain uses in the next seconds."""

    def look():
        return dom0.rows()[name][4], float(dom0.out("cat /proc/uptime").split()[0])

    first, start = look()
    dom0.out(f"sleep {seconds}")
    last, end = look()
    return 100 * (last - first) / (end - start)


def test_cap(dom0):
    """A cap of the configuration holds for a busy guest with two vCPUs, is shown, and changes take effect."""
    name = dom0.info("xen_scheduler")
    guest = dom0.guest(vcpus=2, memory=128, cap=60, options="-p")
    assert re.search(r"guest\s+\d+\s+256\s+60", dom0.out(f"xl sched-{name} -d guest"))
    dom0.out(f"xl sched-{name} -d guest -c 0; xl unpause guest")  # a capped one would boot slowly
    guest.up(120).run("for i in 1 2; do (while :; do :; done) & done")
    dom0.out(f"xl sched-{name} -d guest -c 60")
    assert 50 < used(dom0, "guest", 6) < 66
    dom0.out(f"xl sched-{name} -d guest -c 20")
    assert re.search(r"guest\s+\d+\s+256\s+20", dom0.out(f"xl sched-{name} -d guest"))
    assert 15 < used(dom0, "guest", 6) < 25
    dom0.fails(f"xl sched-{name} -d guest -c 201")
    dom0.fails(f"xl sched-{name} -d guest -c 65535")
    dom0.out(f"xl sched-{name} -d guest -c 0")
    assert used(dom0, "guest", 6) > 90


def test_cpu_pools(dom0, cell):
    """A pool from its making to its end: a CPU moves into it, a guest runs on that CPU alone, and all goes back."""
    if cell.hypervisor != "xen":
        pytest.skip("this hypervisor has the one pool")

    def rows():
        return {line.split()[0]: line.split()[1:] for line in dom0.out("xl cpupool-list").splitlines()[1:]}

    assert "cpu 1 illegal or not free" in dom0.fails("xl cpupool-create 'name=\"other\"' 'cpus=\"1\"'")
    guest = dom0.guest(vcpus=1)
    try:
        dom0.out("xl cpupool-cpu-remove Pool-0 1")
        dom0.out("xl cpupool-create 'name=\"other\"' 'cpus=\"1\"'")
        assert [rows()[name][0] for name in ("Pool-0", "other")] == ["1", "1"]
        dom0.out("xl cpupool-migrate guest other")
        assert rows()["other"][3] == "1"
        guest.up(120)
        assert dom0.out("xl vcpu-list guest").splitlines()[1].split()[3] == "1"
        dom0.fails("xl cpupool-destroy other")
        dom0.out("xl cpupool-rename other another")
        dom0.out("xl cpupool-migrate guest Pool-0")
        dom0.out("xl cpupool-destroy another")
        assert list(rows()) == ["Pool-0"]
    finally:
        dom0.run("xl cpupool-migrate guest Pool-0; xl cpupool-destroy other; xl cpupool-destroy another")
        dom0.run("xl cpupool-cpu-add Pool-0 1")
    assert rows()["Pool-0"][0] == "2"
