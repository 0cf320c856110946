# SPDX-License-Identifier: Apache-2.0
"""tsc_mode: a guest whose RDTSC is always emulated, and one that has the CPU's; both with right clocks."""

import pytest

HYPERVISOR_ALONE = True


@pytest.mark.parametrize("mode", ["always_emulate", "native"])
def test_micro(dom0, mode):
    case = f"time_stamp_{mode}"
    dom0.put_micro()
    dom0.machine.put(
        "/etc/xen/micro.cfg",
        f'name = "micro"\nkernel = "/root/micro.elf"\nmemory = 32\nvcpus = 1\nextra = "{case}"\n'
        f'tsc_mode = "{mode}"\non_poweroff = "destroy"\non_crash = "destroy"\n',
    )
    log = "/var/log/xen/console/guest-micro.log"
    dom0.out(f"rm -f {log}; xl create -q /etc/xen/micro.cfg", 180)
    dom0.said(log, "MICRO-END|unexpected", 60, regular=True)
    said = dom0.run(f"cat {log}").output.replace("\r", "")
    assert f"MICRO-PASS {case}\n" in said, said[-3000:]


def test_linux(dom0):
    """Debian's kernel lives with a counter that traps: its clock goes as dom0's does."""
    guest = dom0.guest(tsc_mode='"always_emulate"').up(120)
    before, guest_before = (
        float(x) for x in (dom0.out("cut -d' ' -f1 /proc/uptime"), guest.run("cut -d' ' -f1 /proc/uptime")[1])
    )
    assert guest.run("sleep 3")[0] == 0
    guest_after, after = (
        float(x) for x in (guest.run("cut -d' ' -f1 /proc/uptime")[1], dom0.out("cut -d' ' -f1 /proc/uptime"))
    )
    assert 3 <= guest_after - guest_before <= after - before + 0.5
