# SPDX-License-Identifier: Apache-2.0
"""GDB's remote protocol, as far as tests need it: to stop a machine at an address."""

from lab.host import LabError, connect, patience

RIP = 16 * 8  # in the registers' bytes: after the sixteen general ones
RSP = 7 * 8


class Gdb:
    """A connection to QEMU's stub, as a context manager; the machine stops when it is made, and goes on when it ends."""

    def __init__(self, path, timeout=60):
        self._timeout = patience(timeout)
        self._link = connect(path, self._timeout)
        if self._link is None:
            raise LabError("QEMU did not open its stub for GDB")
        self._link.settimeout(self._timeout)
        self._read = b""
        self._send("qSupported")
        while not self._answer().startswith("PacketSize"):
            pass  # that the machine has stopped for us comes unasked

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._send("D")
        except OSError:
            pass
        self._link.close()

    def _send(self, body):
        text = body.encode()
        self._link.sendall(b"$" + text + f"#{sum(text) % 256:02x}".encode())

    def _answer(self):
        while True:
            start = self._read.find(b"$")
            end = self._read.find(b"#", start)
            if start >= 0 and 0 <= end <= len(self._read) - 3:
                body, self._read = self._read[start + 1 : end], self._read[end + 3 :]
                self._link.sendall(b"+")
                return body.decode()
            try:
                piece = self._link.recv(65536)
            except TimeoutError:
                raise LabError("the machine did not come to the address") from None
            if not piece:
                raise LabError("QEMU ended")
            self._read += piece

    def _ask(self, body):
        self._send(body)
        return self._answer()

    def _do(self, body):
        if (answer := self._ask(body)) != "OK":
            raise LabError(f"GDB's stub: {body}: {answer}")

    def run_to(self, address):
        """Go on until a CPU is at the address, by at least one instruction; the one there has not run. Returns that CPU, whose
        registers and memory are then shown.
        """
        if self.registers()[0] == address:
            self._ask("s")
        self._do(f"Z1,{address:x},1")
        stop = self._ask("c")
        self._do(f"z1,{address:x},1")
        if not stop.startswith("T05"):
            raise LabError(f"the machine stopped otherwise: {stop}")
        return int(stop.partition("thread:")[2].rstrip(";") or "1", 16) - 1

    def go_on(self):
        """Let it run until the next run_to: there the machine is stopped first."""
        self._send("c")

    def stop(self):
        """End what go_on began."""
        self._link.sendall(b"\x03")
        self._answer()

    def registers(self):
        """(rip, rsp)"""
        raw = bytes.fromhex(self._ask("g"))
        return tuple(int.from_bytes(raw[at : at + 8], "little") for at in (RIP, RSP))

    def words(self, address, count):
        """Words of 8 bytes in the memory that the CPU sees now."""
        raw = bytes.fromhex(self._ask(f"m{address:x},{8 * count:x}"))
        return [int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8)]

    def bytes(self, address, count):
        """The same as bytes."""
        return bytes.fromhex(self._ask(f"m{address:x},{count:x}"))
