# SPDX-License-Identifier: Apache-2.0
"""What the lab is busy with, on standard error: one line that is rewritten on a terminal, plain lines now and then elsewhere.

    with progress.step("compiling", key="build run-all") as step:
        step.at(45, 306, "domain.cpp")      # lab: compiling 45 of 306: domain.cpp (12 s; last time 31 s)

How long a step took is remembered in .cache/durations.json under its key, for the next time's line.
"""

import json
import os
import shutil
import sys
import threading
import time
from contextlib import contextmanager, suppress

from lab.host import CACHE, say

REWRITE_SECONDS = 0.25  # a terminal's line
PLAIN_SECONDS = 15  # between two plain lines of one step
WORTH_SECONDS = 2  # a shorter step says nothing when it ends, and is no guide for the next time
DURATIONS = CACHE / "durations.json"


def _durations():
    with suppress(OSError, ValueError):
        return dict(json.loads(DURATIONS.read_text(encoding="utf-8")))
    return {}


def _remember(key, seconds):
    """Two processes may write at once: the file is always whole, one of the two durations may be lost."""
    known = {**_durations(), key: round(seconds, 1)}
    temporary = DURATIONS.with_name(f".durations.{os.getpid()}")
    with suppress(OSError):
        DURATIONS.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        temporary.rename(DURATIONS)


_open = []  # the steps at hand: of nested ones the innermost has the line


class Step:
    """One piece of work that takes long. All methods may be called from any thread."""

    def __init__(self, title, key=""):
        self.title = title
        self.key = key
        self.last = _durations().get(key)
        self.start = time.monotonic()
        self.place = ""
        self.worth = False  # enough was done for its duration to mean something
        self._told = ""

    def at(self, done, total=0, what=""):
        """`done` of `total` (0: not known) pieces are done; `what` is at hand."""
        count = f" {done} of {total}" if total else f" {done}" if done else ""
        self.place = count + (f": {what}" if what else "")
        self.worth = True

    def text(self):
        """The line as it stands."""
        seconds = f"{time.monotonic() - self.start:.0f} s"
        last = f"; last time {self.last:.0f} s" if self.last else ""
        return f"lab: {self.title}{self.place} ({seconds}{last})"

    def tell(self, ended, out=None):
        """Keep the line moving until `ended`: every moment on a terminal, else when it has changed after a while."""
        out = out or sys.stderr
        while not ended.wait(REWRITE_SECONDS if out.isatty() else PLAIN_SECONDS):
            if _open[-1:] != [self]:
                continue
            if out.isatty():
                out.write("\r" + self.text()[: shutil.get_terminal_size().columns - 1] + "\x1b[K")
                out.flush()
            elif self.place != self._told:
                self._told = self.place
                print(self.text(), file=out, flush=True)


@contextmanager
def step(title, key=""):
    """A step for as long as the block runs. Its duration is kept when it ends well and was worth it."""
    this = Step(title, key)
    if not sys.stderr.isatty():
        say(title + (f" (last time {this.last:.0f} s)" if this.last else ""))
    ended = threading.Event()
    _open.append(this)
    teller = threading.Thread(target=this.tell, args=(ended,), daemon=True)
    teller.start()
    try:
        yield this
    finally:
        ended.set()
        teller.join()
        _open.remove(this)
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
    seconds = time.monotonic() - this.start
    if seconds >= WORTH_SECONDS and this.worth:
        say(f"{title}: {seconds:.0f} s")
        if key:
            _remember(key, seconds)
