# SPDX-License-Identifier: Apache-2.0
"""The host's end of the command line to dom0's agent (the wire format is described in agent/agent.cpp)."""

import base64
import os
import queue
import socket
import threading
import time
from typing import NamedTuple

from lab.host import LabError, connect, patience

INPUT_CHUNK = 3072


class MachineDied(LabError):
    """The machine ended while something was waited for."""


class CommandTimeout(LabError):
    """A command did not end in time; it has been killed if the machine still listens."""


class Result(NamedTuple):
    """What a command did: exit status, standard output, standard error (text)."""

    status: int
    output: str
    errors: str = ""


class Channel:
    """Frames over a Unix socket that is dom0's second serial port. Commands may run from several threads at once."""

    def __init__(self, path, deadline=10):
        self._socket = connect(path, deadline)
        if self._socket is None:
            raise MachineDied("QEMU did not open its command line")
        self._lock = threading.Lock()
        self._waiting = {}
        self._next = 0
        self.ready = threading.Event()
        self.woken = None  # an errno of the agent's, once a copy has been told that it is one
        self.closed = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for line in self._socket.makefile("rb"):
                self._frame(line.rstrip(b"\r\n").decode("ascii", "replace").split(" "))
        except OSError:
            pass
        self.closed.set()
        self.ready.set()
        with self._lock:
            for answers in self._waiting.values():
                answers.put(("gone", b""))

    def _frame(self, parts):
        if len(parts) != 3:  # noise, such as a firmware that prints on every port
            return
        name, verb, field = parts
        if verb == "awake":
            self.woken = int(field)
        if verb in ("hello", "awake"):
            self.ready.set()
        with self._lock:
            answers = self._waiting.get(name)
        if answers and verb in ("out", "err"):
            answers.put((verb, base64.b64decode(field)))
        elif answers and verb == "end":
            answers.put((verb, int(field)))

    def _send(self, name, verb, data):
        field = base64.b64encode(data).decode() if verb != "kill" else "-"
        try:
            with self._lock:
                self._socket.sendall(f"{name} {verb} {field}\n".encode())
        except OSError:
            raise MachineDied("the machine has ended") from None

    def wake(self):
        """Tell the agent of a machine that is a copy what its own time and random numbers are; it is ready when it answers."""
        self._send("-", "wake", f"{time.time_ns()} ".encode() + os.urandom(32))

    def stream(self, command, timeout, data=b"", exact=False):
        """Run a command; yield ("out"|"err", bytes) as they come and last ("end", status). The limit is one for an idle host
        unless it is exact."""
        answers = queue.Queue()
        with self._lock:
            self._next += 1
            name = f"c{self._next}"
            self._waiting[name] = answers
        try:
            self._send(name, "run", command.encode())
            for start in range(0, len(data), INPUT_CHUNK):
                self._send(name, "in", data[start : start + INPUT_CHUNK])
            self._send(name, "in", b"")
            end = time.monotonic() + (timeout if exact else patience(timeout))
            while True:
                try:
                    kind, value = answers.get(timeout=max(0.01, end - time.monotonic()))
                except queue.Empty:
                    self._send(name, "kill", b"")
                    raise CommandTimeout(f"no end of the command within {timeout} s: {command}") from None
                if kind == "gone":
                    raise MachineDied(f"the machine ended during the command: {command}")
                yield kind, value
                if kind == "end":
                    return
        finally:
            with self._lock:
                del self._waiting[name]

    def run(self, command, timeout, data=b""):
        """Run a command to its end."""
        parts = {"out": [], "err": []}
        status = -1
        for kind, value in self.stream(command, timeout, data):
            if kind == "end":
                status = value
            else:
                parts[kind].append(value)
        text = {kind: b"".join(pieces).decode("utf-8", "replace") for kind, pieces in parts.items()}
        return Result(status, text["out"], text["err"])

    def close(self):
        """Hang up."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
