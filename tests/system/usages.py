# SPDX-License-Identifier: Apache-2.0
"""What xl answers to wrong command lines and to calls for help, on which stream and with which status: facts about stock
xl 4.17, which the cells with stock tools prove."""

import re

# Each command that both have: the letters of its global options, and how many words it needs.
COMMANDS = {
    "create": ("vtTfN", 0),
    "config-update": ("vtTfN", 0),
    "list": ("vtT", 0),
    "destroy": ("vtTf", 1),
    "shutdown": ("vtTf", 0),
    "reboot": ("vtTf", 0),
    "pause": ("vtTf", 1),
    "unpause": ("vtTf", 1),
    "console": ("vtT", 1),
    "vncviewer": ("vtT", 1),
    "dump-core": ("vtTf", 2),
    "mem-max": ("vtTf", 2),
    "mem-set": ("vtTf", 2),
    "button-press": ("vtTf", 2),
    "vcpu-list": ("vtT", 0),
    "vcpu-pin": ("vtTfN", 3),
    "vcpu-set": ("vtTf", 2),
    "vm-list": ("vtT", 0),
    "info": ("vtT", 0),
    "sharing": ("vtT", 0),
    "sched-credit": ("vtTf", 0),
    "sched-credit2": ("vtTf", 0),
    "domid": ("vtT", 1),
    "domname": ("vtT", 1),
    "rename": ("vtTf", 2),
    "trigger": ("vtTf", 2),
    "sysrq": ("vtTf", 2),
    "debug-keys": ("vtTf", 1),
    "dmesg": ("vtT", 0),
    "top": ("vtT", 0),
    "network-attach": ("vtTfN", 1),
    "network-list": ("vtT", 1),
    "network-detach": ("vtTf", 2),
    "block-attach": ("vtTfN", 2),
    "block-list": ("vtT", 1),
    "block-detach": ("vtTf", 2),
    "uptime": ("vtT", 0),
    "claims": ("vtT", 0),
    "cpupool-list": ("vtT", 0),
    "cpupool-create": ("vtTfN", 0),
    "cpupool-destroy": ("vtTf", 1),
    "cpupool-rename": ("vtTf", 2),
    "cpupool-cpu-add": ("vtTf", 2),
    "cpupool-cpu-remove": ("vtTf", 2),
    "cpupool-migrate": ("vtTf", 2),
}

ANY = "(?s).*"  # what is on that stream does not matter
NONE = r"\Z"  # nothing is
LIST = r"Name +ID +Mem VCPUs\tState\tTime"
INVALID = "(?s).*nosuch is an invalid domain identifier"
MISSING = "(?s).*does not exist"
REFUSED = "(?s).*not supported"

# words: status, standard output, standard error (patterns, from the start).
USAGES = {
    "": (1, "Usage xl ", NONE),
    "help": (0, "Usage xl ", NONE),
    "help nosuch": (0, "(?s).*not implemented", NONE),
    "help list info": (0, "Usage: xl .* list ", ANY),
    "nosuch": (1, NONE, ".*command not implemented"),
    "mem": (1, NONE, "."),
    "-Q list": (1, NONE, "(?s).*unknown global option"),
    "--nosuch": (1, NONE, "(?s).*unknown global option"),
    "-v list": (0, LIST, NONE),
    "-vft list": (0, LIST, NONE),
    "-T list": (0, LIST, NONE),
    "-- list": (0, LIST, NONE),
    "-N list": (1, NONE, ".*does not implement -N"),
    "-N sysrq 0 h": (1, NONE, ".*does not implement -N"),
    "li": (0, LIST, NONE),
    "network-l 0": (0, "Idx BE", NONE),
    "list --verb": (0, LIST, NONE),
    # options
    "list -h": (0, "Usage: xl .* list ", NONE),
    "list -Q": (2, NONE, REFUSED),
    "list --nosuch": (2, NONE, REFUSED),
    "list --long=3": (2, NONE, "option"),
    "list -1": (2, NONE, REFUSED),
    "create -f": (2, NONE, "option"),
    "sched-credit2 -d": (2, NONE, "option"),
    "info -Q": (2, NONE, REFUSED),
    "top -Q": (2, NONE, REFUSED),
    # domains that do not exist
    "list nosuch": (1, NONE, INVALID),
    "list -l nosuch": (1, NONE, INVALID),
    "list 77": (1, NONE, MISSING),
    "list 99999": (1, NONE, "."),
    "list 0x0": (1, NONE, "0x0 is an invalid domain identifier"),
    "list 00": (0, LIST, NONE),
    "list nosuch 0": (1, ANY, ANY),
    "vcpu-list nosuch": (1, "Name", INVALID),
    "vcpu-list 0 nosuch": (1, r"(?s)Name.*\nDomain-0", INVALID),
    "sharing nosuch": (1, NONE, INVALID),
    "uptime nosuch": (1, NONE, INVALID),
    "vncviewer nosuch": (1, NONE, INVALID),
    "vncviewer 77": (1, NONE, "."),
    "shutdown nosuch": (1, NONE, INVALID),
    "reboot nosuch": (1, NONE, INVALID),
    "block-list nosuch": (0, "Vdev", INVALID),
    "block-list 0 nosuch": (0, "Vdev", INVALID),
    "network-list nosuch": (1, "Idx BE", INVALID),
    "network-list 0 nosuch": (1, "Idx BE", INVALID),
    "block-list 77": (0, "Vdev", NONE),
    "domid nosuch": (1, NONE, "Can't get domid of domain name 'nosuch'"),
    "domid 0": (1, NONE, "Can't get domid"),
    "domname nosuch": (1, NONE, "Invalid domain id"),
    "domname 77": (1, NONE, "Can't get domain name of domain id '77'"),
    "destroy 77": (1, NONE, "."),
    "destroy 0": (1, NONE, "."),
    "mem-set 77 64": (1, NONE, "."),
    "mem-max 77 64": (1, NONE, "."),
    "vcpu-pin 77 0 0": (1, NONE, "."),
    "rename 77 other": (1, NONE, "."),
    "console 77": (1, NONE, "."),
    "network-detach 77 0": (1, NONE, "."),
    "block-detach 77 xvda": (1, NONE, "."),
    "config-update nosuch": (1, NONE, INVALID),
    # too few words, too many
    "shutdown": (1, NONE, "."),
    "reboot": (1, NONE, "."),
    "config-update": (1, "(?s).*Usage: xl", "."),
    "pause nosuch x": (1, NONE, INVALID),
    "vm-list x": (0, "UUID", ANY),
    "domname 0 x": (0, "Domain-0$", ANY),
    "info nr_cpus x": (0, r"\d+$", ANY),
    "claims x": (0, LIST, ANY),
    "sched-credit2 x": (0, "Cpupool Pool-0", ANY),
    "cpupool-list Pool-0 x": (0, "Name", ANY),
    # words that make no sense
    "info nosuch": (0, NONE, ANY),
    "cpupool-list nosuch": (1, NONE, "Pool 'nosuch' does not exist"),
    "mem-set 0 x": (1, NONE, "."),
    "mem-max 0 1x": (1, NONE, "."),
    "mem-set 0 64": (1, NONE, "."),
    "vcpu-set 0 x": (1, NONE, "Error: Invalid argument"),
    "vcpu-set 0 0": (1, NONE, "."),
    "vcpu-pin 0 x 0": (1, NONE, "."),
    "vcpu-pin 0 0 x": (1, NONE, "."),
    "vcpu-pin 0 0 99": (1, NONE, "."),
    "vcpu-pin 0 0 -": (1, NONE, "."),
    "trigger 0 nosuch": (1, NONE, "Invalid trigger"),
    "button-press 0 nosuch": (1, NONE, "WARNING"),
    "sysrq 0 hh": (1, ANY, "Invalid sysrq"),
    "console -t nosuch 0": (1, NONE, "console type"),
    "sched-credit2 -d nosuch": (1, NONE, INVALID),
    "sched-credit2 -d 0 -w x": (1, NONE, "."),
    "sched-credit2 -w 10": (1, NONE, "."),
    "sched-credit2 -d 0 -p Pool-0": (1, NONE, "Specifying a cpupool is not allowed"),
    "sched-credit2 -p nosuch": (1, NONE, "unknown cpupool 'nosuch'"),
    "sched-credit2 -d 0 -s": (0, "Cpupool Pool-0: ratelimit=", NONE),
    "sched-credit -d 0": (1, "Name", "."),
    "sched-credit": (0, NONE, NONE),
    "sched-credit -s": (0, r"Cpupool Pool-0: \[sched params unavailable\]", "."),
    "sched-credit -s -t 10": (1, NONE, "."),
    "sched-credit -p Pool-0": (0, NONE, ANY),
    "block-attach 0 nosuch": (1, NONE, "."),
    "network-attach 0 nosuch": (1, NONE, "."),
    "network-detach 0 55": (1, NONE, "(?s).*Unknown device 55"),
    "block-detach 0 xvdz": (1, NONE, "(?s).*Error: Device xvdz not connected"),
    "cpupool-create": (1, NONE, "Missing cpupool name"),
    "cpupool-destroy nosuch": (1, NONE, "unknown cpupool 'nosuch'"),
    "cpupool-rename nosuch x": (1, NONE, "unknown cpupool 'nosuch'"),
    "cpupool-migrate 0 nosuch": (1, NONE, "unknown cpupool 'nosuch'"),
    # create
    "create": (6, NONE, "."),
    "create -n": (6, NONE, "."),
    "create /nosuch": (3, NONE, ".*/nosuch.*: No such file"),
    "create /tmp": (3, NONE, "."),
    "create -f /nosuch": (3, NONE, "."),
    "create nosuch nosuch": (2, "(?s).*Usage: xl .* create ", ANY),
    "create -n /tmp/usages.cfg": (1, NONE, "Parsing config from /tmp/usages.cfg"),
    "create -q /tmp/usages.cfg": (1, NONE, "(?!Parsing)"),
    "create /tmp/nameless.cfg": (1, NONE, "Parsing"),
    "create -q /tmp/kernelless.cfg": (1, NONE, "."),
    "create -q /tmp/wrong.cfg": (3, NONE, "."),
    "config-update 0": (1, NONE, "WARNING"),
    "config-update 0 a b": (2, ANY, "WARNING"),
}

# Where ours answers otherwise on purpose. Stock tells of a failure there and ends with 0, ignores what it was told, or
# has no such form.
OURS = {
    "-h": (0, "Usage xl ", NONE),
    "--help": (0, "Usage xl ", NONE),
    "help help": (0, "Usage: xl .* help ", NONE),
    "pause 77": (1, NONE, MISSING),
    "unpause 77": (1, NONE, MISSING),
    "trigger 77 nmi": (1, NONE, MISSING),
    "sysrq 77 h": (1, NONE, MISSING),
    "uptime 77": (1, NONE, MISSING),
    "vcpu-list 77": (1, "Name", MISSING),
    "list ''": (1, NONE, "'' is an invalid domain identifier"),
    "rename 0 ''": (1, NONE, "'' cannot be a domain's name"),
    "mem-set 0 ''": (1, NONE, "'' is not a size"),
    "sched-credit2 -r 10": (1, NONE, "."),
    "sched-credit2 -s -r x": (1, NONE, "."),
    "-N destroy 77": (1, NONE, MISSING),
    "save": (1, NONE, r"(?s)'save': command not implemented\n  -> stock xl has it"),
    "list 0 0": (0, rf"(?s){LIST}.*\nDomain-0.*\nDomain-0", NONE),
    "lst": (1, NONE, "(?s).*did you mean 'list'"),
    "create -n /tmp/kernelless.cfg foo": (2, "(?s).*Usage", "'foo' is not KEY=VALUE"),
    "create -n /tmp/kernelless.cfg kernel=/x memory=x": (
        1,
        NONE,
        "(?s).*command line: memory must be a size, but is 'x'",
    ),
}

FILES = {
    "usages.cfg": "name = ",
    "nameless.cfg": 'kernel = "/boot/vmlinux"',
    "kernelless.cfg": 'name = "none"',
    "wrong.cfg": 'name = "wrong"\nkernel = "/nosuch"',
}


def every():
    """The table with what holds for each command."""
    usages = dict(USAGES)
    for command, (letters, least) in COMMANDS.items():
        usage = rf"(?s).*Usage: xl \[-{letters}N?\] {command} "
        usages[f"help {command}"] = (0, usage.removeprefix("(?s).*"), NONE)
        if command != "config-update":  # whose first word stock takes for a domain, whatever it is
            usages[f"{command} --help"] = (0, usage.removeprefix("(?s).*"), ANY)
        if least:
            usages[command] = (2, usage, f"(?s).*'xl {command}' requires at least {least} argument")
            usages[f"{command}{' nosuch' * least}"] = usages.get(f"{command}{' nosuch' * least}", (1, NONE, INVALID))
    for words in (
        "debug-keys nosuch",
        "cpupool-rename nosuch nosuch",
        "cpupool-cpu-add nosuch nosuch",
        "cpupool-cpu-remove nosuch nosuch",
        "cpupool-migrate nosuch nosuch",
    ):  # whose first word is no domain
        del usages[words]
    return usages


# Nothing starts for a line but xl itself: a program's start costs a tenth of a second here.
SCRIPT = """rm -rf /tmp/usages && mkdir /tmp/usages && cd /tmp/usages && printf '\\001' > end || exit 1
number=0 files=()
for line in "${CASES[@]}"; do
    eval "xl $line" < /dev/null > $number.out 2> $number.err
    echo $? > $number.status
    files+=($number.status $number.out end $number.err end)
    number=$((number + 1))
done
cat "${files[@]}"
"""


def differing(dom0, usages):
    """Run all command lines in dom0; each that is not as the table says, with what it said."""
    for name, text in FILES.items():
        dom0.machine.put(f"/tmp/{name}", text + "\n")
    lines = "\n".join(f'"{words}"' for words in usages)
    dom0.machine.put("/tmp/usages.sh", f"CASES=(\n{lines}\n)\n{SCRIPT}")
    said = dom0.out("bash /tmp/usages.sh", 600).split("\001")
    assert len(said) == 2 * len(usages) + 1
    wrong = []
    for (words, (status, output, errors)), first, second in zip(usages.items(), said[::2], said[1::2]):
        number, _, text = first.partition("\n")
        if int(number) != status or not re.match(output, text) or not re.match(errors, second):
            wrong.append(
                f"xl {words}: status {number}, not {status}\n<{text[:300]}>\n<{second[:300]}>\n({output}) ({errors})"
            )
    return wrong
