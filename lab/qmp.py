# SPDX-License-Identifier: Apache-2.0
"""QEMU's machine protocol: commands as JSON over a Unix socket, one answer each; events are passed over."""

import json
import time

from lab.host import LabError, connect


class Qmp:
    """A connection, as a context manager. `alive` tells whether QEMU still runs, so that nobody waits for a dead one."""

    def __init__(self, path, alive=lambda: True, timeout=60):
        self._link = connect(path, timeout, alive)
        if self._link is None:
            raise LabError("QEMU did not open its monitor")
        self._link.settimeout(timeout)
        self._lines = self._link.makefile("rb")
        self._answer()
        self.ask("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lines.close()
        self._link.close()

    def _answer(self):
        try:
            for line in self._lines:
                answer = json.loads(line)
                if "event" not in answer:
                    return answer
        except (OSError, ValueError) as error:
            raise LabError(f"QEMU's monitor: {error}") from None
        raise LabError("QEMU ended")

    def ask(self, command, **arguments):
        """One command; what it returns. LabError with QEMU's words when it refuses."""
        try:
            self._link.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        except OSError:
            raise LabError("QEMU ended") from None
        answer = self._answer()
        if "error" in answer:
            raise LabError(f"QEMU refuses {command}: {answer['error'].get('desc', answer['error'])}")
        return answer.get("return")

    def migrate(self, command, uri, timeout):
        """Start a migration ('migrate' or 'migrate-incoming') without the memory that lies in a file, and wait for its end."""
        # The capability keeps its experimental name over all versions so far.
        self.ask("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])
        self.ask(command, uri=uri)
        end = time.monotonic() + timeout
        while True:
            said = self.ask("query-migrate")
            status = said.get("status", "none")
            if status == "completed":
                return
            if status in ("failed", "cancelled") or time.monotonic() > end:
                raise LabError(f"QEMU's {command}: {said.get('error-desc', status)}")
            time.sleep(0.01)
