# SPDX-License-Identifier: Apache-2.0
"""docs/cookbook.md, command by command: the page is the only source of what is run and of what must be said."""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.host import patience

PAGE = Path(__file__).resolve().parents[2] / "docs/cookbook.md"
LIMIT = 240  # seconds for one command: stock tools unpack a kernel at each create
# What only looks: a device that was just attached connects a moment later, when its guest has come to it.
LOOKS = re.compile(r"xl (\w+-)?list\b")
BLOCK = re.compile(r"^```console *(\w*)\n(.*?)^```$", re.M | re.S)


@dataclass
class Step:
    """One command and what it must say. `inside` are the steps typed on a guest's console that it opened."""

    line: int
    command: str
    output: list = field(default_factory=list)
    inside: list = field(default_factory=list)


def steps(text, toolstack):
    """The commands of a page in order, without those of other tools."""
    result = []
    for block in BLOCK.finditer(text):
        if block[1] not in ("", toolstack):
            continue
        first = text.count("\n", 0, block.start(2)) + 1
        for number, line in enumerate(block[2].splitlines(), first):
            if line.startswith("dom0# "):
                result.append(last := Step(number, line[6:]))
            elif line.startswith("guest# "):
                result[-1].inside.append(last := Step(number, line[7:]))
            elif line == ">" or line.startswith("> "):
                last.command += "\n" + line[2:]
            else:
                last.output.append(line)
    return result


def pattern(lines):
    """A regular expression for shown output: `...` is anything within its line, alone on a line any number of lines."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            words = [r"[^\n]*".join(re.escape(piece) for piece in word.split("...")) for word in line.split()]
            parts.append(
                r"[ \t]*"
                + r"[ \t]+".join(words).replace(r"[ \t]+[^\n]*", r"[^\n]*").replace(r"[^\n]*[ \t]+", r"[^\n]*")
                + r"[ \t]*\n"
            )
    return "".join(parts)


def check(step, text):
    """Compare what was said with what the page shows."""
    text = text.replace("\r", "")
    text += "" if text.endswith("\n") or not text else "\n"
    assert re.fullmatch(pattern(step.output), text), (
        f"cookbook line {step.line}: {step.command}\nthe page shows:\n" + "\n".join(step.output) + f"\nit said:\n{text}"
    )


class Terminal:
    """dom0's shell on the serial line, for commands that need a terminal."""

    PROMPTS = {"dom0": r"dom0:[^\n]*# ", "guest": r"(?:^|\n)[~/][^\n ]* # (?:\x1b\[6n)?"}

    def __init__(self, machine):
        self.machine = machine
        machine.console.sendline("")
        self.wait("dom0")

    def wait(self, where, timeout=LIMIT):
        """What was said up to a prompt."""
        self.machine.expect_console(self.PROMPTS[where], timeout)
        return self.machine.console.before

    def type(self, command):
        """Type a line and swallow its echo."""
        self.machine.console.sendline(command)
        self.machine.expect_console(re.escape(command.splitlines()[-1]) + r"\r*\n")


def in_order(step, said):
    """What the page shows must be there, line by line; the hypervisor's lines share the terminal."""
    said = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", said)
    lines = [line for line in said.splitlines() if "(XEN)" not in line]
    wanted = [line for line in step.output if line.strip() != "..."]
    at = 0
    for line in wanted:
        form = re.compile(pattern([line]))
        while at < len(lines) and not form.fullmatch(lines[at] + "\n"):
            at += 1
        assert at < len(lines), f"cookbook line {step.line}: {step.command}\n'{line}' is not in\n{said}"
        at += 1


def converse(machine, step):
    """A command that opens a guest's console, what is typed there, and the way out."""
    terminal = Terminal(machine)
    terminal.type(step.command)
    if step.command.startswith("xl console"):
        machine.console.sendline("")  # the prompt was there before us
    in_order(step, terminal.wait("guest"))
    machine.console.sendline("echo open-$((1))")  # or it was not, and there are two: ours is behind what this says
    machine.expect_console("open-1\r*\n", LIMIT)
    terminal.wait("guest")
    for inner in step.inside:
        if inner.command == "^]":
            machine.console.send("\x1d")
            terminal.wait("dom0")
        else:
            terminal.type(inner.command)
            in_order(inner, terminal.wait("guest"))


def test_cookbook(machine, dom0, cell):
    """Every command of the page, in order."""
    todo = steps(PAGE.read_text(encoding="utf-8"), cell.toolstack)
    assert len(todo) > 40
    for step in todo:
        if step.inside:
            converse(machine, step)
            continue
        end = time.monotonic() + (patience(20) if LOOKS.match(step.command) else 0)
        while True:
            result = dom0.run(step.command, LIMIT)
            try:
                check(step, result.output + result.errors)
                break
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)


@pytest.mark.parametrize(
    "shown, said, fits",
    [
        (["a ... c"], "a b c\n", True),
        (["a ... c"], "a b d\n", False),
        (["x", "...", "y"], "x\n1\n2\ny\n", True),
        (["x", "..."], "x\n", True),
        (["x"], "x\ny\n", False),
        (["a b"], "a \t b\n", True),
        ([], "", True),
        ([], "x\n", False),
    ],
)
def test_pattern(shown, said, fits):
    """The comparison itself."""
    assert bool(re.fullmatch(pattern(shown), said)) == fits
