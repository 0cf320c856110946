# SPDX-License-Identifier: Apache-2.0
"""Guests that make random hypercalls, two at a time: they may crash themselves, and nothing else may notice."""

import re
import time

import pytest

HYPERVISOR_ALONE = True

MACHINE = {"cpus": 2}
SECONDS = 40
SEEDS = 40  # of one guest's life


@pytest.fixture(name="attackers")
def fixture_attackers(dom0, cell):
    """Makes the two fuzzing guests with the seeds that follow; a function."""
    if cell.hypervisor == "xen":
        pytest.skip("whether the reference survives is not for us to say")
    dom0.put_micro()

    def start(seed):
        for number in (1, 2):
            name = f"fuzz{number}"
            dom0.machine.put(
                f"/etc/xen/{name}.cfg",
                f'name = "{name}"\nkernel = "/root/micro.elf"\nmemory = 32\nvcpus = 2\n'
                f'extra = "fuzz seed={seed + number * 10000} seeds={SEEDS}"\n'
                'on_poweroff = "destroy"\non_reboot = "destroy"\non_crash = "destroy"\non_watchdog = "destroy"\n',
            )
            dom0.out(f"rm -f /var/log/xen/console/guest-{name}.log; xl create -q /etc/xen/{name}.cfg", 180)

    return start


def seeds_of(dom0, name):
    """How many seeds a fuzzing guest has begun."""
    log = dom0.run(f"cat /var/log/xen/console/guest-{name}.log").output
    return len(re.findall(r"FUZZ seed \d+", log))


def wait_for_end(dom0, timeout=40):
    """Until both are gone; one that waits for something for ever is destroyed, as an administrator would."""
    end = time.monotonic() + timeout
    while time.monotonic() < end and {"fuzz1", "fuzz2"} & set(dom0.states()):
        time.sleep(0.5)
    for name in sorted({"fuzz1", "fuzz2"} & set(dom0.states())):
        dom0.out(f"xl destroy {name}")
    dom0.until(
        lambda: not {"fuzz1", "fuzz2", "(null)"} & set(dom0.states()) and "" not in dom0.states(),
        "a fuzzing guest stays as a zombie",
    )


def test_others_do_not_notice(dom0, attackers):
    """Rounds of two guests with two vCPUs each, beside one that computes; then all memory is back."""
    bystander = dom0.guest("bystander").up()
    attackers(0)
    wait_for_end(dom0)  # the first round fills caches
    free = int(dom0.info("free_memory"))
    domid, begun, seed, end = bystander.domid, 0, 1, time.monotonic() + SECONDS
    while time.monotonic() < end:
        attackers(seed)
        wait_for_end(dom0)
        begun += seeds_of(dom0, "fuzz1") + seeds_of(dom0, "fuzz2")
        seed += SEEDS
    assert begun >= 4, "the guests did not get to fuzz"
    status, output = bystander.run("echo $((6 * 7)); cat /proc/uptime")
    assert status == 0 and "42" in output
    assert bystander.domid == domid and "c" not in bystander.state()
    assert not re.search(r"panic|assertion", dom0.out("xl dmesg"), re.I)
    # Whole MiB are told: a page that dom0's own tables took meanwhile may turn one.
    dom0.until(lambda: int(dom0.info("free_memory")) >= free - 1, f"free_memory was {free} MiB", 20)
