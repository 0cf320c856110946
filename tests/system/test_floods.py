# SPDX-License-Identifier: Apache-2.0
"""Guests that flood the daemons of dom0: others are served, and nothing grows."""

import time

TOOLS_ALONE = True

FLOOD = "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done"
# A request to read "domid", as it is on the wire: type 2, id, transaction, length 6.
STORE_FLOOD = (
    "mkdir -p /xen; mount -t xenfs xenfs /xen 2>/dev/null; d=/dev/xen/xenbus; [ -e $d ] || d=/xen/xenbus; exec 3<>$d; "
    "(while :; do cat <&3 >/dev/null; done) & echo flooding; "
    "while :; do printf '\\002\\000\\000\\000\\001\\000\\000\\000\\000\\000\\000\\000\\006\\000\\000\\000domid\\000' >&3; done"
)


def size_kib(dom0, program):
    """Resident memory of a daemon."""
    return int(dom0.out(f"sed -n 's/VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$(pidof {program})/status"))


def test_console_flood(dom0):
    """A guest that never stops printing: another one's console answers, and the daemon does not grow."""
    other = dom0.guest("other", memory=96).up()
    log = "/var/log/xen/console/guest-flooder.log"
    dom0.guest("flooder", memory=96, command=FLOOD)
    assert dom0.said(log, "aaaaaaaa") == 0
    size = size_kib(dom0, "xenconsoled")
    for number in range(3):
        start = time.monotonic()
        assert other.run(f"echo still here {number}", 60) == (0, f"still here {number}\n")
        assert time.monotonic() - start < 30
        time.sleep(5)
    # What nobody reads of its terminal is kept up to console/limit, 1 MiB, and twice that while it moves.
    assert size_kib(dom0, "xenconsoled") < size + 4096
    dom0.out(f"xl destroy flooder; rm -f {log}*")


def test_store_flood(dom0):
    """A guest that asks xenstored without end: dom0's own requests are answered, and the daemon does not grow."""
    flooder = dom0.guest("flooder", memory=96, command=STORE_FLOOD)
    flooder.wait("flooding")
    size = size_kib(dom0, "xenstored")
    dom0.out("time for i in $(seq 100); do xenstore-read domid >/dev/null || exit 1; done", 60)
    dom0.out("xenstore-write /tool/flood-test 1 && xenstore-rm /tool/flood-test", 30)
    assert dom0.guest("other", memory=96).up().state() is not None
    assert size_kib(dom0, "xenstored") < size + 4096
