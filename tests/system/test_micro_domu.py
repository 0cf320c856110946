# SPDX-License-Identifier: Apache-2.0
"""The micro guests as an unprivileged domain: what only dom0 may do is refused, with the errors that Xen gives."""

import re
from pathlib import Path

import pytest

HYPERVISOR_ALONE = True

ROOT = Path(__file__).resolve().parents[2]
CASES = re.findall(r"^MICRO_CASE_ALONE\((domu_\w+)\)", (ROOT / "tests/guests/cases/unprivileged.cpp").read_text(), re.M)
OURS_ALONE = {"domu_linear_top_level_tables_are_refused"}


@pytest.fixture(scope="module", name="said")
def fixture_said(shared):
    """What the guest's console said while it ran all cases, once."""
    from dom0 import Dom0

    dom0 = Dom0(shared.get())
    dom0.put_micro()
    dom0.machine.put(
        "/etc/xen/micro.cfg",
        f'name = "micro"\nkernel = "/root/micro.elf"\nmemory = 32\nvcpus = 1\n'
        f'extra = "{" ".join(CASES)}"\non_poweroff = "destroy"\non_crash = "destroy"\n',
    )
    log = "/var/log/xen/console/guest-micro.log"
    dom0.out(f"rm -f {log}; xl create -q /etc/xen/micro.cfg", 180)
    dom0.said(log, "MICRO-END|unexpected", 60, regular=True)
    text = dom0.run(f"cat {log}").output
    dom0.clean()
    return text.replace("\r", "")


@pytest.mark.parametrize("case", CASES)
def test_case(case, said, cell):
    """One thing that an unprivileged guest must not be able to do."""
    if cell.hypervisor == "xen" and case in OURS_ALONE:
        pytest.skip("allowed on Xen")
    assert f"MICRO-PASS {case}\n" in said, said[-3000:]


def test_guest_ran_to_its_end(said):
    assert "MICRO-END" in said, said[-3000:]


MANY = 20


def test_many_paused_domains_and_a_console_daemon_that_dies(dom0):
    """The console daemon, killed and started again, serves every domain anew, each by a terminal of its own."""
    dom0.put_micro()
    dom0.run("rm -f /var/log/xen/console/guest-many*.log")
    for number in range(MANY):
        dom0.machine.put(
            f"/etc/xen/many{number}.cfg",
            f'name = "many{number}"\nkernel = "/root/micro.elf"\nmemory = 8\nvcpus = 1\n'
            f'extra = "{CASES[0]}"\non_poweroff = "preserve"\n',
        )
    dom0.out(f"for n in $(seq 0 {MANY - 1}); do xl create -q -p /etc/xen/many$n.cfg || exit 1; done", 500)
    rows = dom0.rows()
    ids = [rows[f"many{number}"][0] for number in range(MANY)]
    assert len(set(ids)) == MANY and all("p" in rows[f"many{number}"][3] for number in range(MANY)), rows
    nodes = " ".join(f"/local/domain/{domid}/console/tty" for domid in ids)

    def terminals():
        return dom0.out(f"xenstore-read {nodes}").split()

    dom0.until(lambda: len(set(terminals())) == MANY, "consoles without terminals")
    dom0.out(
        "kill -9 $(pidof xenconsoled); while pidof xenconsoled; do sleep 0.1; done; rm -f /run/xen/xenconsoled.pid; "
        f"for node in {nodes}; do xenstore-write $node gone; done; "
        "timeout 60 xenconsoled --log=guest --log-dir=/var/log/xen/console --pid-file=/run/xen/xenconsoled.pid"
    )
    dom0.until(lambda: "gone" not in terminals() and len(set(terminals())) == MANY, "the new daemon does not serve all")
    dom0.out(f"for tty in {' '.join(terminals())}; do [ -c $tty ] || exit 1; done")
    for number in (0, MANY - 1):
        dom0.out(f"xl unpause many{number}")
        log = f"/var/log/xen/console/guest-many{number}.log"
        assert dom0.said(log, "MICRO-END") == 0, number
    dom0.out(f"for n in $(seq 0 {MANY - 1}); do xl destroy many$n || exit 1; done", 300)
    dom0.until(lambda: set(dom0.rows()) == {"Domain-0"}, "domains are left", 60)
