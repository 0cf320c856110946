# SPDX-License-Identifier: Apache-2.0
"""A machine in QEMU: start it, wait for dom0, run commands there, read its console, end it."""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pexpect
from pexpect.popen_spawn import PopenSpawn

from lab import bochs, qemu
from lab.channel import Channel, MachineDied
from lab.host import LOGS, LabError, die_with_parent
from lab.settings import Settings

READY_TIMEOUT = 300


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
        self._work = None

    # Life

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self, wait=True, timeout=READY_TIMEOUT):
        """Start QEMU; wait until dom0's agent answers unless there is no dom0 to wait for."""
        self._prepare()
        command = qemu.command(self.settings, self._work, False, self.log)
        self.console = PopenSpawn(
            command, timeout=60, encoding="utf-8", codec_errors="replace", preexec_fn=die_with_parent
        )
        self.console.linesep = "\n"
        if not self.settings.micro_guest:
            self.channel = Channel(self._work / "agent")
            if wait:
                self.wait_ready(timeout)
        return self

    def interact(self, timeout=None):
        """Start with this terminal as the console and wait for the end (Ctrl-t x ends it)."""
        self._prepare()
        command = qemu.command(self.settings, self._work, True, self.log)
        with subprocess.Popen(command, preexec_fn=die_with_parent) as process:
            try:
                return process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise LabError(f"the machine was ended after {timeout} s") from None

    def _prepare(self):
        self._work = Path(tempfile.mkdtemp(prefix="proxenos-"))
        self.log.unlink(missing_ok=True)
        atexit.register(self.stop)

    def wait_ready(self, timeout=READY_TIMEOUT):
        """Wait until dom0 takes commands."""
        end = time.monotonic() + timeout
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
        return self.console is not None and self.console.proc.poll() is None

    def wait_end(self, timeout=60):
        """Wait until QEMU ends by itself (power-off; a reboot too). Returns whether it did."""
        try:
            self.console.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self):
        """End it: no question asked."""
        atexit.unregister(self.stop)
        if self.alive():
            self.console.proc.kill()
        if self.console is not None:
            self.console.proc.wait()
            self.console.proc.stdin.close()
        if self.channel is not None:
            self.channel.close()
        if self._work is not None:
            shutil.rmtree(self._work, ignore_errors=True)
        self._work = None

    # Use

    def run(self, command, timeout=120, data=b""):
        """Run a shell command in dom0: Result(status, output, errors). `data` becomes its standard input."""
        return self.channel.run(command, timeout, data)

    def stream(self, command, timeout=120):
        """Run a shell command in dom0, yielding ("out"|"err", bytes) ... ("end", status)."""
        return self.channel.stream(command, timeout)

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
            self.console.expect(pattern, timeout=timeout)
        except (pexpect.TIMEOUT, pexpect.EOF):
            raise LabError(f"the console did not say {pattern!r}; its last lines:\n{self.tail()}") from None
        return self.console.match


def run_micro(image, timeout=60, **fields):
    """Boot a micro guest as dom0 until the machine ends: (ended by itself, the emulator's exit status, what COM1 said)."""
    fields.setdefault("name", f"micro-{Path(image).name}-{os.getpid()}")
    fields.setdefault("nics", [])
    if fields.get("emulator") == "bochs":
        return bochs.run_micro(Settings(micro_guest=str(image), **fields).check(), timeout)
    with Machine(micro_guest=str(image), **fields) as machine:
        ended = machine.wait_end(timeout)
        status = machine.console.proc.returncode
    return ended, status, machine.serial()
