# SPDX-License-Identifier: Apache-2.0
"""Many creations and destructions at once, from all of dom0's CPUs: whole domains, or none."""

import pytest

TOOLS_ALONE = True

MACHINE = {"cpus": 4, "memory": 3072}
COUNT = 8


@pytest.fixture(name="names")
def fixture_names(dom0):
    """Configurations of small guests; their names."""
    names = [f"side{number}" for number in range(COUNT)]
    for name in names:
        dom0.config(name, memory=96)
    return names


def at_once(dom0, commands, timeout=600):
    """Run shell commands side by side; their statuses in order."""
    lines = [f'({command}) >/tmp/out{number} 2>&1 & pids="$pids $!"' for number, command in enumerate(commands)]
    lines.append("for pid in $pids; do wait $pid; echo $?; done")
    return [int(word) for word in dom0.out("pids=\n" + "\n".join(lines), timeout).split()]


def said(dom0):
    """What the last commands said."""
    return dom0.run("cat /tmp/out*").output


def test_eight_guests_at_once(dom0, names):
    """All come up whole; all go, and nothing of them stays."""
    before = dom0.out("xenstore-list /local/domain")
    free = int(dom0.info("free_memory"))
    assert at_once(dom0, [f"xl create /etc/xen/{name}.cfg" for name in names]) == [0] * COUNT, said(dom0)
    assert set(dom0.rows()) == {"Domain-0", *names}
    for name in names:
        log = f"/var/log/xen/console/guest-{name}.log"
        assert dom0.said(log, "GUEST-UP", 240) == 0, name
    assert at_once(dom0, [f"xl destroy {name}" for name in names]) == [0] * COUNT, said(dom0)
    dom0.until(lambda: set(dom0.rows()) == {"Domain-0"}, "domains are left", 120)
    assert dom0.out("xenstore-list /local/domain") == before
    dom0.until(lambda: int(dom0.info("free_memory")) >= free - 1, "memory is not back", 60)


def test_one_name_is_given_once(dom0):
    """Of eight that want one name at once exactly one gets it, and the others leave nothing."""
    dom0.config("wanted", memory=96)
    statuses = at_once(dom0, ["xl create -p /etc/xen/wanted.cfg"] * COUNT)
    assert sorted(statuses)[0] == 0 and 0 not in sorted(statuses)[1:], (statuses, said(dom0))
    rows = dom0.rows()
    assert set(rows) == {"Domain-0", "wanted"}, rows
    assert len(dom0.out("xenstore-list /local/domain").split()) == 2
