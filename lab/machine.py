# SPDX-License-Identifier: Apache-2.0
"""A machine in QEMU: start it, wait for dom0, run commands there, read its console, end it."""

import atexit
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from queue import Empty

import pexpect
from pexpect.popen_spawn import PopenSpawn

from lab import bochs, emulators, qemu, templates
from lab.channel import Channel, MachineDied
from lab.host import LOGS, LabError, die_with_parent, patience, say
from lab.qmp import Qmp
from lab.settings import Settings

READY_TIMEOUT = 300
WAKE_TIMEOUT = 120
PROMPT = "dom0:~# "
DEMO_LOG = "/var/log/xen/console/guest-demo.log"
# A copy's disks are not those that its kernel had looked at.
READ_DISKS = (
    "for disk in /sys/block/[sv]d*; do [ -e $disk ] || continue; "
    "blockdev --flushbufs /dev/${disk##*/}; blockdev --rereadpt /dev/${disk##*/}; done"
)


# Guests that were running when it was made learn the time (lab/guest/init, guestclock=1).
SET_GUESTS_CLOCKS = (
    "[ -e /proc/xen/capabilities ] && for domain in $(xenstore-list /local/domain); do "
    "[ $domain = 0 ] || xenstore-write /local/domain/$domain/control/lab-clock $(date +%s); done"
)


class Console(PopenSpawn):
    """pexpect on QEMU's standard input and output that waits for output without asking ten thousand times a second."""

    def read_nonblocking(self, size, timeout):
        if not self._buf and not self._read_reached_eof and timeout != 0:
            try:
                first = self._read_queue.get(timeout=min(1, timeout if timeout and timeout > 0 else 1))
                if first is None:
                    self._read_reached_eof = True
                else:
                    self._buf += self._decoder.decode(first, final=False)
            except Empty:
                pass
        return super().read_nonblocking(size, 0 if timeout is None else timeout)


class DoesNotLoad(LabError):
    """QEMU, or what ran in the machine, does not go on from a template."""


class Machine:
    """One machine, as a context manager:

        with Machine(hypervisor="xen", cpus=2) as machine:
            status, output, errors = machine.run("xl list")

    `console` is a pexpect object on COM1: the hypervisor's log and dom0's hvc0. Everything that COM1 says is also in
    build/logs/NAME.log. Keyword arguments are the fields of lab.settings.Settings.
    """

    def __init__(self, settings=None, **fields):
        self.settings = replace(settings or Settings(), **fields).check()
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"{self.settings.name}.log"
        self.console = None
        self.channel = None
        self.template = None  # which one this machine came from, while it runs
        self._work = None
        self._process = None

    # Life

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self, wait=True, timeout=READY_TIMEOUT):
        """Start QEMU; wait until dom0's agent answers unless there is no dom0 to wait for. Where only dom0 is wanted and not
        its boot, the machine goes on from a template, which is made first when there is none."""
        if wait and self._wake_up(False):
            return self
        self._prepare()
        self._spawn(qemu.command(self.settings, self._work, False, self.log))
        if not self.settings.micro_guest:
            self.channel = Channel(self._work / "agent")
            if wait:
                self.wait_ready(timeout)
                self._run_prepare(timeout)
        return self

    def interact(self, timeout=None):
        """Start with this terminal as the console and wait for the end (Ctrl-t x ends it)."""
        if not self._wake_up(True):
            self._prepare()
            self._attach(qemu.command(self.settings, self._work, True, self.log))
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"the machine was ended after {timeout} s") from None
        finally:
            self.stop()

    def _prepare(self):
        self._work = Path(tempfile.mkdtemp(prefix="proxenos-"))
        self.log.unlink(missing_ok=True)
        atexit.register(self.stop)

    def _spawn(self, command):
        self.console = Console(
            command, timeout=60, encoding="utf-8", codec_errors="replace", preexec_fn=die_with_parent
        )
        self.console.linesep = "\n"
        self._process = self.console.proc

    def _attach(self, command, **streams):
        self._process = subprocess.Popen(command, preexec_fn=die_with_parent, **streams)

    def _run_prepare(self, timeout):
        if self.settings.prepare:
            self.check(self.settings.prepare, timeout)

    # Templates

    def _wake_up(self, interactive):
        """Go on from a template, where one fits. Returns whether this machine runs."""
        if not templates.fits(self.settings):
            return False
        for last in (False, True):
            try:
                self.template = templates.obtain(self.settings, _make_template)
            except templates.NoRoom as error:
                say(
                    f"booting, since there is no room for a template: {error} (./run --clear-templates removes old ones)"
                )
                return False
            try:
                self._load(interactive)
                return True
            except DoesNotLoad as error:
                template, self.template = self.template, None
                self.stop()
                template.discard()
                if last:
                    raise LabError(f"a template that was just made does not load: {error}") from None
                say(f"the template {template.key} is made anew, since it does not load: {error}")
        return False

    def _load(self, interactive):
        """QEMU with the template's memory and state, its own disks and sockets; its clock and random numbers made its own."""
        template = self.template
        self._prepare()
        shutil.copyfile(template.log, self.log)
        command = qemu.clone_command(self.settings, self._work, interactive, self.log, template.ram)
        words = self._work / "words"  # QEMU's own
        if interactive:
            with open(words, "wb") as errors:
                self._attach(command, stderr=errors)
        else:
            self._spawn(command)
        try:
            with Qmp(self._work / "qmp", self.alive) as qmp:
                qmp.migrate("migrate-incoming", f"exec:cat '{template.state}'", WAKE_TIMEOUT)
                if interactive:
                    sys.stdout.write(self.serial().replace("\n", "\r\n") if sys.stdout.isatty() else self.serial())
                    sys.stdout.flush()
                else:
                    self.console.buffer = self.serial()  # as if it had been watched from the start
                qmp.ask("cont")
            self.channel = Channel(self._work / "agent")
            self.channel.wake()
            self.wait_ready(WAKE_TIMEOUT)
            if self.channel.woken:
                raise LabError(f"its clock and random numbers: {os.strerror(self.channel.woken)}")
            if self.settings.disks:
                self.run(READ_DISKS)
            if self.settings.demo or self.settings.prepare:
                self.run(SET_GUESTS_CLOCKS)
        except LabError as error:
            said = words.read_text(errors="replace") if interactive else self._said()
            raise DoesNotLoad(f"{error}\n{said.strip()}".strip()) from None

    def _said(self):
        """What a QEMU that is of no use any more has said."""
        self._process.kill()
        self._process.wait()
        try:
            return self.console.read()
        except (OSError, ValueError):
            return ""

    def freeze(self, folder):
        """Keep the state beside the memory, for a template: this machine is over with that."""
        with Qmp(self._work / "qmp", self.alive) as qmp:
            qmp.ask("stop")
            qmp.migrate("migrate", f"exec:cat > '{folder}/state'", WAKE_TIMEOUT)
            qmp.ask("quit")
        self._process.wait()
        shutil.copyfile(self.log, folder / "log")

    def boot_into(self, ram, timeout=READY_TIMEOUT):
        """Boot with the memory in a file, until dom0 takes commands, has its prompt, and has done what it shall be found at."""
        self._prepare()
        self._spawn(qemu.command(self.settings, self._work, False, self.log, (ram, True)))
        self.channel = Channel(self._work / "agent")
        self.wait_ready(timeout)
        self._run_prepare(timeout)
        self.expect_console(PROMPT, timeout)
        if self.settings.demo:
            self.check(f"timeout {timeout} sh -c 'until grep -q GUEST-UP {DEMO_LOG}; do sleep 0.1; done'", timeout)

    def wait_ready(self, timeout=READY_TIMEOUT):
        """Wait until dom0 takes commands."""
        end = time.monotonic() + patience(timeout)
        while not self.channel.ready.wait(0.5):
            if time.monotonic() > end or not self.alive():
                break
        if self.channel.closed.is_set() or not self.channel.ready.is_set():
            why = (
                f"dom0 was not ready within {timeout:g} s"
                if self.alive()
                else "the machine ended before dom0 was ready"
            )
            raise MachineDied(f"{why}; its last lines (all: {self.log}):\n{self.tail()}")

    def alive(self):
        """Whether QEMU runs."""
        return self._process is not None and self._process.poll() is None

    def wait_end(self, timeout=60):
        """Wait until QEMU ends by itself (power-off; a reboot too). Returns whether it did."""
        try:
            self._process.wait(patience(timeout))
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self):
        """End it: no question asked."""
        atexit.unregister(self.stop)
        if self.alive():
            self._process.kill()
        if self._process is not None:
            self._process.wait()
        if self.console is not None:
            self.console.proc.stdin.close()
        if self.channel is not None:
            self.channel.close()
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
        if self.template is not None:
            self.template.release()
        self._work = self.template = None

    # Use

    def run(self, command, timeout=120, data=b""):
        """Run a shell command in dom0: Result(status, output, errors). `data` becomes its standard input."""
        return self.channel.run(command, timeout, data)

    def answers(self, timeout=60):
        """Whether dom0 still does: its agent, without a process."""
        try:
            return self.alive() and self.run("", timeout).status == 0
        except LabError:
            return False

    def stream(self, command, timeout=120, exact=False):
        """Run a shell command in dom0, yielding ("out"|"err", bytes) ... ("end", status)."""
        return self.channel.stream(command, timeout, exact=exact)

    def check(self, command, timeout=120, data=b""):
        """Run a command that must succeed; returns its output."""
        result = self.run(command, timeout, data)
        if result.status:
            raise LabError(f"'{command}' in dom0: status {result.status}\n{result.output}{result.errors}")
        return result.output

    def put(self, path, data):
        """Write a small file in dom0."""
        self.check(f"cat > '{path}'", data=data.encode() if isinstance(data, str) else data)

    def monitor(self, command, timeout=20):
        """One command to QEMU's monitor; returns its answer."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout)
            link.connect(str(self._work / "monitor"))
            answer, prompts = b"", 0
            link.sendall(command.encode() + b"\n")
            while prompts < 2:
                piece = link.recv(65536)
                if not piece:
                    break
                answer += piece
                prompts = answer.count(b"(qemu) ")
        text = answer.decode(errors="replace").split("(qemu) ")
        return text[1].partition("\n")[2] if len(text) > 1 else ""

    # What it said

    def serial(self):
        """Everything that COM1 said so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines=30):
        """Its last lines."""
        return "\n".join(self.serial().splitlines()[-lines:])

    def expect_console(self, pattern, timeout=60):
        """Wait for a regular expression on COM1; returns the match."""
        try:
            self.console.expect(pattern, timeout=patience(timeout))
        except (pexpect.TIMEOUT, pexpect.EOF):
            raise LabError(f"the console did not say {pattern!r}; its last lines:\n{self.tail()}") from None
        return self.console.match


def _make_template(settings, folder):
    """Boot a machine for a template: ram, state and log in the folder. Returns the seconds of CPU that it took."""
    say(f"booting once for a template: {templates.describe(settings)}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    machine = Machine(settings, name=f"template-{folder.name.lstrip('.')}")
    try:
        machine.boot_into(folder / "ram")
        machine.freeze(folder)
    finally:
        machine.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)


def run_micro(image, timeout=60, **fields):
    """Boot a micro guest as dom0 until the machine ends: (ended by itself, the emulator's exit status, what COM1 said)."""
    fields.setdefault("name", f"micro-{Path(image).name}-{os.getpid()}")
    fields.setdefault("nics", [])
    if emulators.family(fields.get("emulator", "qemu")) == "bochs":
        return bochs.run_micro(Settings(micro_guest=str(image), **fields).check(), timeout)
    with Machine(micro_guest=str(image), **fields) as machine:
        ended = machine.wait_end(timeout)
        status = machine.console.proc.returncode
    return ended, status, machine.serial()
