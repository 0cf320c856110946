# SPDX-License-Identifier: Apache-2.0
"""What system tests do in dom0: make guests from small configurations, talk to them, look at the domain list."""

import base64
import re
import subprocess
import tempfile
import time
from pathlib import Path

from lab.host import ROOT, patience

# Our tools' watcher: ends with status 0 if it lived. Without a program for each process of dom0: each costs a tenth of a second.
WATCHER = """
found=1
for process in /proc/[0-9]*; do
    mapfile -d '' -n 3 words 2>/dev/null < $process/cmdline
    [ "${words[*]}" = "xl watchd -F" ] && kill -SIGNAL ${process#/proc/} && found=0
done
exit $found
"""

# What a guest's kernel leaves out at its start, a third of it: tests of itself, clearing of all it allocates, security modules,
# page tables split for read-only data, and what no test here asks it for. One test starts it as it is (test_life.py), and dom0's
# kernel is as it is always.
NOT_CALLED = (
    "crypto_kdf108_init cubictcp_register init_zswap init_kprobe_trace init_ima load_system_certificate_list add_pcspkr"
)
LEFT_OUT = "cryptomgr.notests init_on_alloc=0 lsm= rodata=off initcall_blacklist=" + NOT_CALLED.replace(" ", ",")
# A domain that is being made has no name yet.
ROW = re.compile(r"^(\S*)\s+(\d+)\s+(\d+)\s+(\d+)\s+([rbpscdwS?-]{6})\s+([\d.]+)$")


def saying(log, text, timeout, regular=False):
    """A shell command for dom0 that ends, with status 0, when a file has such a line; see Dom0.said()."""
    limit, kind = int(patience(timeout)), "E" if regular else "F"
    return (
        f"(exec 3< <(exec tail -n +1 -F {log} 2> /dev/null); reader=$!; "
        f"timeout {limit} grep -q{kind}m1 '{text}' <&3; status=$?; kill $reader; exit $status)"
    )


class Guest:
    """A domain made by a test: Debian's kernel with the test initramfs (lab/guest/init)."""

    def __init__(self, dom0, name):
        self.dom0 = dom0
        self.name = name
        self._marks = 0

    @property
    def domid(self):
        return int(self.dom0.out(f"xl domid {self.name}"))

    @property
    def _log(self):
        return f"/var/log/xen/console/guest-{self.name}.log"

    def log(self):
        """Everything that its console said."""
        return self.dom0.run(f"cat {self._log}").output

    def wait(self, text, timeout=60):
        """Wait until its console says a fixed text."""
        status = self.dom0.said(self._log, text, timeout)
        assert status == 0, f"{self.name} did not say '{text}' in {timeout} s; it said:\n{self.log()[-3000:]}"
        return self.log()

    def up(self, timeout=60):
        """Wait until it is in user space."""
        self.wait("GUEST-UP", timeout)
        return self

    def run(self, command, timeout=60):
        """Run a command in its console's shell: (status, output)."""
        self._marks += 1
        mark = f"{self.name}-mark{self._marks}"
        # The quotes keep the echo of the line from being taken for its result.
        line = f"echo '<''{mark}>'; {command}; echo '['{mark} $?']'\n"
        # One command in dom0 for all of it: each program that starts there costs a tenth of a second.
        script = (
            f"tty=$(xenstore-read /local/domain/$(xl domid {self.name})/console/tty) && cat > $tty || exit 1; "
            f"{saying(self._log, f'[{mark} ', timeout)}; said=$?; cat {self._log}; exit $said"
        )
        result = self.dom0.run(script, timeout + 20, data=line.encode())
        assert (
            result.status == 0
        ), f"{self.name}: no end of '{command}' in {timeout} s; {result.errors}\n{result.output[-3000:]}"
        text = result.output.replace("\r", "")
        output, status = re.search(rf"<{mark}>\n(.*)\[{mark} (\d+)\]", text, re.S).groups()
        return int(status), output

    def state(self):
        """Its six state letters, or None when it is gone."""
        return self.dom0.states().get(self.name)

    def wait_gone(self, timeout=60):
        """Wait until it is off the list."""
        self.dom0.until(lambda: self.state() is None, f"{self.name} is still there", timeout)


class Dom0:
    """dom0 of a machine, for one test."""

    def __init__(self, machine):
        self.machine = machine
        self.run = machine.run

    def out(self, command, timeout=120):
        """The output of a command that must succeed."""
        result = self.run(command, timeout)
        assert result.status == 0, f"'{command}': status {result.status}\n{result.output}{result.errors}"
        return result.output

    def fails(self, command, timeout=120):
        """What a command says that must fail, without dying of a signal."""
        result = self.run(command, timeout)
        assert 0 < result.status < 126, f"'{command}': status {result.status}\n{result.output}{result.errors}"
        return result.output + result.errors

    def said(self, log, text, timeout=60, regular=False):
        """Wait until a file, which need not be there yet, has a line with a fixed text or regular expression: 0 when it has.
        dom0 sleeps until the file grows: asking ten times a second costs it as much as a guest's start."""
        return self.run(saying(log, text, timeout, regular), timeout + 20).status

    def until(self, condition, what, timeout=60, step=0.1):
        """Wait for a condition. Asking costs dom0 more than a tenth of a second, which what is waited for may want: the time
        between two questions grows up to a second."""
        end = time.monotonic() + patience(timeout)
        while not condition():
            assert time.monotonic() < end, f"after {timeout} s: {what}\n{self.run('xl list').output}"
            time.sleep(step)
            step = min(1, step * 1.5)

    def rows(self):
        """xl list: {name: (id, MiB, vcpus, state, seconds)}."""
        rows = {}
        for line in self.out("xl list").splitlines()[1:]:
            match = ROW.match(line)
            assert match, f"xl list says {line!r}"
            name, *numbers, state, seconds = match.groups()
            rows[name] = (*map(int, numbers), state, float(seconds))
        return rows

    def states(self):
        """{name: state letters}."""
        return {name: row[3] for name, row in self.rows().items()}

    def info(self, key):
        """One value of xl info."""
        for line in self.out("xl info").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
        raise AssertionError(f"xl info says nothing of {key}")

    def config(
        self, name, *, command="", end="", ip="", kernel="/boot/vmlinux", extra="", memory=128, plain=False, **keys
    ):
        """Write /etc/xen/NAME.cfg; further keys are written as they are. `plain`: with all that the kernel does by itself."""
        words = ["console=hvc0", "quiet", "" if plain else LEFT_OUT, extra]
        words += [f"guestcmd={base64.b64encode(command.encode()).decode()}"] if command else []
        words += [f"guestend={end}"] if end else []
        words += [f"guestip={ip}"] if ip else []
        keys = {"vcpus": 1, **keys}
        if ip:
            keys.setdefault("vif", '["bridge=xenbr0"]')
        lines = [
            f'name = "{name}"',
            f'kernel = "{kernel}"',
            'ramdisk = "/boot/guest.cpio.gz"',
            f"memory = {memory}",
            f'extra = "{" ".join(word for word in words if word)}"',
        ]
        lines += [f"{key} = {value}" for key, value in keys.items()]
        path, log = f"/etc/xen/{name}.cfg", f"/var/log/xen/console/guest-{name}.log"
        self.machine.check(f"cat > {path}; rm -f {log}", data=("\n".join(lines) + "\n").encode())
        return path

    def put_micro(self):
        """The micro guests as /root/micro.elf, without what a debugger reads; once for a machine."""
        if getattr(self.machine, "has_micro", False):
            return
        with tempfile.TemporaryDirectory() as folder:
            small = Path(folder) / "micro.elf"
            subprocess.run(["strip", "-o", small, ROOT / "build/guests/micro.elf"], check=True)
            self.machine.put("/root/micro.elf", small.read_bytes())
        self.machine.has_micro = True

    def micro(self, name, case, *, memory=16, **keys):
        """Write /etc/xen/NAME.cfg of a micro guest that runs one case (tests/guests/cases); its path. It is made and ends
        within a fraction of the time that Linux takes."""
        self.put_micro()
        keys = {"kernel": '"/root/micro.elf"', "memory": memory, "vcpus": 1, "extra": f'"{case}"', **keys}
        lines = [f'name = "{name}"', *(f"{key} = {value}" for key, value in keys.items())]
        self.machine.put(f"/etc/xen/{name}.cfg", "\n".join(lines) + "\n")
        return f"/etc/xen/{name}.cfg"

    def kill_watcher(self):
        """Kill the watcher of our tools and nothing else; whether there was one."""
        return self.run(WATCHER.replace("SIGNAL", "9")).status == 0

    def watches(self):
        """Whether it lives."""
        return self.run(WATCHER.replace("SIGNAL", "0")).status == 0

    def guest(self, name="guest", *, options="", **keys):
        """Create a guest; see config()."""
        path = self.config(name, **keys)
        self.out(f"xl create {options} {path}", 240)
        return Guest(self, name)

    def clean(self):
        """Destroy what is left and wait until its memory is back."""
        if not self.machine.alive():
            return
        left = [name for name in self.rows() if name != "Domain-0"]
        for name in left:
            domid = self.run(f"xl domid '{name}'").output.strip()
            self.run(f"xl destroy {domid or name}")
        if left:
            self.until(lambda: len(self.rows()) == 1, f"not destroyed: {left}", 60)
