# SPDX-License-Identifier: Apache-2.0
"""Memory of guests: ballooning, limits, and that none is lost."""

import pytest

CYCLES = 50


def kib(guest):
    return int(guest.run("sed -n 's/MemTotal: *//p' /proc/meminfo")[1].split()[0])


def test_balloon_down_and_up(dom0):
    guest = dom0.guest(memory=256).up()
    before = kib(guest)
    dom0.out("xl mem-set guest 128m")
    dom0.until(lambda: dom0.rows()["guest"][1] <= 129, "it did not shrink", 60)
    assert abs(before - kib(guest) - 128 * 1024) < 4096
    dom0.out("xl mem-set guest 256m")
    dom0.until(lambda: dom0.rows()["guest"][1] >= 255, "it did not grow back", 60)
    assert guest.run("dd if=/dev/zero of=/fill bs=1M count=150 2>/dev/null; ls -s /fill; rm /fill")[0] == 0


def test_mem_max(dom0):
    dom0.guest(memory=128).up()
    dom0.out("xl mem-max guest 200m")
    dom0.fails("xl mem-max guest 1m")


def test_maxmem_starts_ballooned(dom0):
    guest = dom0.guest(memory=128, maxmem=256).up()
    dom0.out("xl mem-set guest 200m")
    dom0.until(lambda: dom0.rows()["guest"][1] >= 199, "it did not grow", 60)
    assert guest.run("true")[0] == 0


@pytest.mark.parametrize("memory", [96, 1024])
def test_sizes(dom0, memory):
    guest = dom0.guest(memory=memory).up()
    assert dom0.rows()["guest"][1] == memory
    assert guest.run("true")[0] == 0


def test_dom0_balloons(dom0):
    dom0.out("xl mem-set 0 640m")
    dom0.until(lambda: dom0.rows()["Domain-0"][1] <= 641, "dom0 did not shrink", 60)
    dom0.out("xl mem-set 0 768m")
    dom0.until(lambda: dom0.rows()["Domain-0"][1] >= 767, "dom0 did not grow back", 60)


def test_nothing_is_lost(dom0):
    """Fifty guests made and destroyed, then free_memory is where it was (the first two fill caches)."""
    path = dom0.config("guest", memory=96)
    cycle = f"xl create -q -p {path} >/dev/null && xl unpause guest && xl destroy guest"
    settle = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done; xl info free_memory"
    dom0.out(f"{cycle} && {cycle}")
    before = dom0.out(settle)
    dom0.out(f"for i in $(seq {CYCLES}); do {cycle} || exit 1; done", 600)
    assert dom0.out(settle) == before
    assert len(dom0.rows()) == 1
    assert dom0.out("xenstore-list /local/domain").split() == ["0"]
