# SPDX-License-Identifier: Apache-2.0
"""The host as dom0's administrator sees it: info, list, log, keys, and errors for domains that are not there."""

import re

import pytest
import usages


def test_info(dom0):
    """Every line that scripts look for, with values that fit the machine."""
    text = dom0.out("xl info")
    keys = [line.partition(":")[0].strip() for line in text.splitlines()]
    for key in (
        "host release version machine nr_cpus max_cpu_id nr_nodes cores_per_socket threads_per_core cpu_mhz "
        "hw_caps virt_caps total_memory free_memory sharing_freed_memory sharing_used_memory "
        "outstanding_claims free_cpus xen_major xen_minor xen_extra xen_version xen_caps xen_scheduler "
        "xen_pagesize platform_params xen_changeset xen_commandline cc_compiler cc_compile_by "
        "cc_compile_domain cc_compile_date build_id xend_config_format"
    ).split():
        assert key in keys
    assert (dom0.info("xen_major"), dom0.info("xen_minor")) == ("4", "17")
    assert "xen-3.0-x86_64" in dom0.info("xen_caps")
    assert dom0.info("nr_cpus") == "1"
    assert 2900 <= int(dom0.info("total_memory")) <= 3072
    assert 1500 <= int(dom0.info("free_memory")) <= 3072 - 768


def test_info_of_one_key(dom0):
    assert dom0.out("xl info xen_pagesize").strip() == "4096"


def test_list(dom0):
    header = dom0.out("xl list").splitlines()[0]
    assert header == "Name                                        ID   Mem VCPUs\tState\tTime(s)"
    domid, memory, vcpus, state, seconds = dom0.rows()["Domain-0"]
    assert (domid, memory, vcpus, state[0]) == (0, 768, 1, "r")
    assert seconds > 0


@pytest.mark.parametrize("option", ["-l", "-v", "-n", "-c"])
def test_list_options(dom0, option):
    assert "Domain-0" in dom0.out(f"xl list {option}")


def test_vcpu_list(dom0):
    rows = dom0.out("xl vcpu-list").splitlines()
    assert "Affinity (Hard / Soft)" in rows[0]
    assert re.match(r"Domain-0\s+0\s+0\s+0\s+r--\s+[\d.]+\s+", rows[1])


def test_names_and_ids(dom0):
    assert dom0.out("xl domid Domain-0").strip() == "0"
    assert dom0.out("xl domname 0").strip() == "Domain-0"
    dom0.fails("xl domid nobody")
    dom0.fails("xl domname 4711")


@pytest.mark.tools_alone
def test_wrong_usage_and_help(dom0, cell):
    """Status and stream of every kind of wrong command line."""
    wrong = usages.differing(dom0, usages.every() | (usages.OURS if cell.toolstack == "proxenos" else {}))
    assert not wrong, "\n".join(wrong)


def test_hypervisor_log(dom0):
    text = dom0.out("xl dmesg")
    assert "4.17" in text


@pytest.mark.parametrize("key, says", [("h", "key"), ("0", "RFLAGS")])
def test_debug_key_writes_to_the_log(dom0, key, says):
    """Key 'h' lists the keys, '0' shows the registers of dom0's vCPUs."""
    before = len(dom0.out("xl dmesg"))
    dom0.out(f"xl debug-keys {key}")
    after = dom0.out("xl dmesg")
    assert len(after) > before
    assert says in after[before:]


def test_log_can_be_cleared(dom0):
    dom0.out("xl dmesg -c")
    assert len(dom0.out("xl dmesg").splitlines()) < 5


def test_uptime(dom0):
    assert re.search(r"Domain-0\s+0\s+\d+:\d+:\d+", dom0.out("xl uptime"))


def test_top_batch(dom0):
    if dom0.run("command -v xentop").status:
        pytest.skip("no xentop")
    text = dom0.out("xentop -b -i 1")
    assert "Domain-0" in text


def test_hypervisor_in_sysfs(dom0):
    """What the kernel asks by xen_version and shows."""
    assert dom0.out("cat /sys/hypervisor/type").strip() == "xen"
    assert dom0.out("cat /sys/hypervisor/version/major /sys/hypervisor/version/minor").split() == ["4", "17"]
    assert dom0.out("cat /sys/hypervisor/uuid").strip() == "00000000-0000-0000-0000-000000000000"


def test_clock_is_the_hosts(dom0):
    """Wall clock within some seconds of the emulated RTC, which follows this machine."""
    import time

    assert abs(int(dom0.out("date -u +%s")) - time.time()) < 120


def test_clock_advances_evenly(dom0):
    """Ten sleeps of 0.1 s take about a second of dom0's own time."""
    first, last = map(
        float,
        dom0.out(
            "cut -d' ' -f1 /proc/uptime; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; "
            "cut -d' ' -f1 /proc/uptime"
        ).split(),
    )
    assert 0.99 <= last - first < 10


def test_event_channels_are_listed(dom0):
    """Stock lsevtchn asks for the status of port 0, 1, ... until it gets an error."""
    lines = dom0.out("/usr/lib/xen-4.17/bin/lsevtchn 0").splitlines()
    numbers = [int(re.match(r" *(\d+): VCPU 0: ", line)[1]) for line in lines]
    assert numbers == sorted(set(numbers)) and numbers[0] == 1
    assert sum("Virtual IRQ" in line for line in lines) >= 2  # timer, console
    guest = dom0.guest().up()
    said = dom0.out(f"/usr/lib/xen-4.17/bin/lsevtchn {guest.domid}")
    for port in (1, 2):  # store, console
        assert re.search(rf"^ *{port}: VCPU 0: Interdomain \(Connected\) - Remote Domain 0, Port \d+", said, re.M), said
    assert dom0.run("/usr/lib/xen-4.17/bin/lsevtchn 4711").output == ""


def test_no_kernel_complaints(dom0):
    """dom0's kernel has nothing to report: no oops, warning, stall or lost interrupt."""
    text = dom0.out("dmesg")
    for word in ("BUG:", "Oops", "WARNING:", "rcu_sched", "soft lockup", "nobody cared", "general protection"):
        assert word not in text, "\n".join(line for line in text.splitlines() if word in line)


def test_memory_of_the_hypervisor(dom0, cell):
    """The promise: at most 26 MiB with 3 GiB. The rest is the domains' or free."""
    values = {key: int(dom0.out(f"xl info {key}_memory")) for key in ("total", "free")}
    own = values["total"] - values["free"] - sum(row[1] for row in dom0.rows().values())
    assert own > 0
    if cell.hypervisor == "proxenos":
        assert own <= 26
