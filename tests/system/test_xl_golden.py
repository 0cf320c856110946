# SPDX-License-Identifier: Apache-2.0
"""Our xl beside stock xl on the same state: what scripts parse must be the same, byte for byte."""

import re

import pytest


STOCK = "/usr/lib/xen-4.17/bin/xl"
SAME = [
    "list",
    "list guest",
    "list -v",
    "list -c",
    "list -n",
    "list -Z",
    "list -vcn",
    "list -l",
    "list -l guest",
    "vcpu-list",
    "vcpu-list guest",
    "uptime",
    "uptime guest",
    "claims",
    "vm-list",
    "sharing",
    "info",
    "info -n",
    "info xen_caps",
    "sched-credit2",
    "sched-credit2 -s",
    "sched-credit2 -d guest",
    "sched-credit",
    "cpupool-list",
    "cpupool-list -c",
    "domid guest",
    "domname 0",
    "domid nosuch",
    "domname 99",
    "list nosuch",
    "block-list guest",
    "network-list guest",
    "block-list nosuch",
    "dmesg",
    "list 0",
    "list -n guest",
    "list -lvc",
    "vcpu-list guest 0",
    "uptime -s",
    "uptime -s guest 0",
    "sharing guest",
    "info nr_cpus",
    "info nosuchkey",
    "cpupool-list Pool-0",
    "cpupool-list -c Pool-0",
    "sched-credit2 -p Pool-0",
    "sched-credit2 -s -p Pool-0",
    "block-list guest 0",
    "network-list guest 0 guest",
    "network-list 77",
    "-N vcpu-pin guest all 0 all",
    "-N block-attach guest phy:/root/golden.img,xvdb,w",
    "-N block-attach guest vdev=xvdb,format=raw,access=ro,target=/root/golden.img",
    "-N network-attach guest mac=00:16:3e:01:02:03",
    "-N network-attach guest bridge=xenbr0 rate=1Mb/s",
]


@pytest.fixture(scope="module")
def ours(cell):
    """Only where our tools are there to be compared."""
    if cell.toolstack != "proxenos":
        pytest.skip("compares our tools with the stock ones")


@pytest.fixture
def guest(ours, dom0):
    """A guest with a disk and an interface, paused so that nothing about it changes."""
    dom0.out("truncate -s 16M /root/golden.img")
    result = dom0.guest(vcpus=2, ip="10.0.2.60", disk='["/root/golden.img,raw,xvda,rw"]').up(120)
    dom0.out("xl pause guest")
    return result


CLOCK = re.compile(r"\b(\d+):(\d\d)(?::(\d\d))?\b")  # hours and minutes, with or without seconds
CPU_TIME = re.compile(r"(?m)^(Domain-0 .*?)(\d+\.\d)(?=\s|$)")
SLOW = 120  # seconds that two commands on a busy host may be apart


def steady(result):
    """What does not run on between two calls: text without clocks and domain 0's own CPU time, and status. And those times in
    seconds."""
    seconds = [
        int(hours) * 3600 + int(minutes) * 60 + int(rest or 0) for hours, minutes, rest in CLOCK.findall(result.output)
    ]
    seconds += [float(number) for _, number in CPU_TIME.findall(result.output)]
    return (CPU_TIME.sub(r"\1T", CLOCK.sub("H:M:S", result.output)), result.status), seconds


def are_same(one, other):
    """The same text, and times that are as far apart as two calls may be."""
    (text, times), (other_text, other_times) = steady(one), steady(other)
    return text == other_text and all(abs(time - later) < SLOW for time, later in zip(times, other_times))


def test_listings_are_the_same(guest, dom0):
    different = []
    for words in SAME:
        # Free memory may step between the two: a second look decides.
        for _ in range(3):
            stock, our = dom0.run(f"{STOCK} {words}"), dom0.run(f"xl {words}")
            if are_same(stock, our):
                break
        else:
            different.append(f"xl {words}: {stock.status} and {our.status}\n{stock.output}---\n{our.output}")
    assert not different, "\n".join(different)


RICH = {
    "maxmem": 200,
    "vcpus": 1,
    "maxvcpus": 2,
    "cpus": '"0"',
    "cpu_weight": 512,
    "tsc_mode": '"native"',
    "rtc_timeoffset": 3600,
    "nomigrate": 1,
    "max_grant_frames": 40,
    "max_maptrack_frames": 500,
    "max_grant_version": 1,
    "max_event_channels": 500,
    "pool": '"Pool-0"',
    "on_poweroff": '"preserve"',
    "on_reboot": '"destroy"',
    "on_crash": '"coredump-restart"',
    "on_watchdog": '"rename-restart"',
    "uuid": '"11111111-2222-3333-4444-555555555555"',
    "disk": '["/root/golden.img,raw,xvda,rw", "format=raw,vdev=xvdb,access=ro,target=/root/golden2.img", '
    '"/root/golden3.img,raw,xvdc,w,no-discard,direct-io-safe"]',
    "vif": '["mac=00:16:3e:11:22:33,bridge=xenbr0", "mac=00:16:3e:11:22:34,bridge=xenbr0,rate=10Mb/s@50ms,mtu=1400"]',
}


@pytest.mark.parametrize("kind", ["pv", "pvh"])
def test_long_list_of_a_rich_guest(ours, dom0, kind):
    """list -l of one configuration made by both tools, seen by both: every key, and their order."""
    if kind == "pvh" and "hvm" not in dom0.info("virt_caps"):
        pytest.skip("this hypervisor has no hardware-assisted machines")
    dom0.out("truncate -s 16M /root/golden.img /root/golden2.img /root/golden3.img")
    extra = {"shadow_memory": 8} if kind == "pvh" else {}
    path = dom0.config("guest", type=f'"{kind}"', **RICH, **extra)
    seen = []
    for maker, other in ((STOCK, "xl"), ("xl", STOCK)):
        dom0.out(f"{maker} create -q -p {path}", 240)
        seen += [
            re.sub(r'"domid": \d+,\n        "config"', '"config"', dom0.out(f"{tool} list -l guest"))
            for tool in (maker, other)
        ]
        dom0.out(f"{maker} destroy guest")
    for text in seen[1:]:
        assert text == seen[0]


# Ours on purpose: disks and interfaces are set up without a script, and /libxl says so, and who watches the guest.
DELIBERATE = r"^/libxl/ID/(watcher|device/(vbd|vif)/\d+/(setup|hotplug-status|physical-device|physical-device-path)) |/vbd/ID/\d+/(node|script) |/vbd/\d+/script "
# The hypervisor's and the kernel's choices.
CHANCE = r'((?:ring-ref|port|tty|start_time|physical-device|physical-device-path)) = "[^"]*"'


def nodes(dom0, name):
    """All of xenstore that belongs to a paused guest, with permissions."""
    domid = dom0.out(f"xl domid {name}").strip()
    states = f"for kind in vbd vif; do for n in $(xenstore-list /local/domain/0/backend/$kind/{domid}); do xenstore-read /local/domain/0/backend/$kind/{domid}/$n/state; done; done"
    dom0.until(lambda: set(dom0.out(states).split()) == {"2"}, "its back ends do not come up")
    places = rf'(/domain/|/libxl/|backend/\w+/|frontend-id = "|/domid = "|[(,][nr]|domid = "){domid}\b'
    lines = (re.sub(places, r"\1ID", line) for line in dom0.out("xenstore-ls -fp /").splitlines())
    mine = (
        line for line in lines if re.match(r"/(local/domain/ID|libxl/ID|vm|local/domain/0/backend/\w+/ID)[/ ]", line)
    )
    return {re.sub(CHANCE, r'\1 = "?"', line) for line in mine if not re.search(DELIBERATE, line)}


@pytest.mark.parametrize("kind", ["pv", "pvh"])
def test_store_of_a_rich_guest(ours, dom0, kind):
    """Every node of one configuration made by both tools, with its value and who may read and write it."""
    if kind == "pvh" and "hvm" not in dom0.info("virt_caps"):
        pytest.skip("this hypervisor has no hardware-assisted machines")
    dom0.out("truncate -s 16M /root/golden.img /root/golden2.img /root/golden3.img")
    path = dom0.config("guest", type=f'"{kind}"', **RICH)
    seen = []
    for maker in (STOCK, "xl"):
        dom0.out(f"{maker} create -q -p {path}", 240)
        seen.append(nodes(dom0, "guest"))
        dom0.out(f"{maker} destroy guest")
    stock, our = seen
    assert len(stock) > 100
    assert not stock ^ our, "\n".join(["only stock's:", *sorted(stock - our), "only ours:", *sorted(our - stock)])


# Cases of the micro guest, with the letter of each one's reason.
REASONS = {
    "reboot": "r",
    "end_suspend": "s",
    "end_crash": "c",
    "end_watchdog": "w",
    "end_soft_reset": "S",
    "end_unknown": "?",
    "end_far": "?",
    "end_announced": "s",
}


@pytest.mark.tools_alone  # what Xen says of a domain that ended, micro guests tell
def test_states_after_each_end(ours, dom0):
    """Guests that ended by each reason of shutdown, and one by a number that nobody knows, kept as they are."""
    dom0.put_micro()
    for reason in REASONS:
        dom0.machine.put(
            f"/etc/xen/{reason}.cfg",
            f'name = "{reason}"\nkernel = "/root/micro.elf"\nmemory = 32\nextra = "{reason}"\n'
            + "".join(
                f'on_{event} = "preserve"\n' for event in ("poweroff", "reboot", "crash", "watchdog", "soft_reset")
            ),
        )
        dom0.out(f"xl create -q /etc/xen/{reason}.cfg")
    try:
        dom0.until(
            lambda: {name: f"---s{letter}-" for name, letter in REASONS.items()}.items() <= dom0.states().items(),
            "a guest does not end",
        )
        for words in ("list", "list -v", "vm-list"):
            stock, our = dom0.run(f"{STOCK} {words}"), dom0.run(f"xl {words}")
            assert stock.status == 0 and are_same(stock, our), f"{stock}---\n{our}"
    finally:
        for reason in REASONS:
            dom0.run(f"xl destroy {reason}")


@pytest.mark.parametrize("kind", ["pv", "pvh"])
def test_dry_run_of_a_rich_guest(ours, dom0, kind):
    """create -n shows what stock's does, with nothing that only making the guest adds."""
    path = dom0.config("guest", type=f'"{kind}"', **RICH)
    stock, our = (dom0.out(f"{tool} create -q -n {path} cpu_weight=300") for tool in (STOCK, "xl"))
    assert our == stock


def test_dry_run_draws_a_uuid(ours, dom0):
    path = dom0.config("guest", vif='["", "bridge=xenbr0"]')
    seen = [dom0.out(f"{tool} create -q -n {path}") for tool in (STOCK, "xl", "xl")]
    assert seen[1] != seen[2]
    assert len({re.sub(r'"uuid": "[0-9a-f-]{36}"', "", text) for text in seen}) == 1


def test_top_in_batch_mode(guest, dom0):
    """xl top -b has xentop's columns; what a paused guest has used stays. An event that comes in ends the blocking of a paused
    vCPU, and "b" goes: a second look decides."""
    commands = ("/usr/lib/xen-4.17/bin/xentop -b -i 1", "xl top -b -i 1")
    for _ in range(3):
        stock, our = (dom0.out(command).splitlines() for command in commands)
        rows = [[line for line in lines if "guest" in line] for lines in (our, stock)]
        if rows[0] == rows[1]:
            break
    assert our[0] == stock[0]
    assert rows[0] == rows[1] and len(rows[0]) == 1


def test_stock_destroys_ours(guest, dom0):
    dom0.out(f"{STOCK} destroy guest")
    guest.wait_gone()
    assert "golden.img" not in dom0.out("losetup -a")


def test_ours_destroys_stock(ours, dom0):
    dom0.out("truncate -s 16M /root/golden.img")
    dom0.config("guest", disk='["/root/golden.img,raw,xvda,rw"]')
    dom0.out(f"{STOCK} create -q /etc/xen/guest.cfg")
    dom0.out("xl destroy guest")
    assert "guest" not in dom0.rows()
    assert "golden.img" not in dom0.out("losetup -a")
