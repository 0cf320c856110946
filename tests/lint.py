# SPDX-License-Identifier: Apache-2.0
"""What the formatters and pylint find, for tests/house.py: clang-format and black say what they would write differently, pylint
what it takes for a defect, by the checks that pyproject.toml chooses. pylint is slow and reads imported files too: what it found
clean is asked again when the file, or one that it imports, or the configuration changes."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import verdicts

ROOT = Path(__file__).resolve().parent.parent

# Where imports of the project's own are looked for; the same as in pyproject.toml (init-hook).
IMPORT_ROOTS = (".", "tests", "tests/system", "tests/guests")


def said_by(command):
    """What a checker says, both streams together, and its status."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout, done.returncode


def cpp_unformatted(names):
    """Breaks: what clang-format would write differently."""
    text, status = said_by(["clang-format-19", "--dry-run", *names])
    found = {line.split(":")[0] for line in text.splitlines() if "-Wclang-format-violations" in line}
    if status:
        yield f"clang-format: {(text.strip() or str(status)).splitlines()[-1]}"
    for name in sorted(found):
        yield f"{Path(name).relative_to(ROOT)}: not as clang-format writes it (python3 tests/house.py --fix-format)"


def python_unformatted(names):
    """Breaks: what black would write differently."""
    text, status = said_by([sys.executable, "-m", "black", "--check", *names])
    found = re.findall(r"^would reformat (.*)$", text, re.M)
    if status and not found:
        yield f"black: {(text.strip() or str(status)).splitlines()[-1]}"
    for name in found:
        yield f"{Path(name).relative_to(ROOT)}: not as black writes it (python3 tests/house.py --fix-format)"


@functools.cache
def _read(path):
    return path.read_bytes()


@functools.cache
def _imports(path):
    """The project's files that a file imports by itself."""
    modules = []
    for node in ast.walk(ast.parse(_read(path))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules += [node.module or "", *(f"{node.module or ''}.{alias.name}".strip(".") for alias in node.names)]
    found = set()
    for place in [module.replace(".", "/") for module in modules if module]:
        for root in (path.parent, *(ROOT / name for name in IMPORT_ROOTS)):
            found |= {file for file in (root / f"{place}.py", root / place / "__init__.py") if file.is_file()}
    return found


def _known_from(path):
    """A file and all that it imports, directly or not."""
    found, rest = set(), [path]
    while rest:
        here = rest.pop()
        if here not in found:
            found.add(here)
            rest += _imports(here)
    return sorted(found)


def _verdict(path, rules):
    """The name under which pylint's verdict on a file is kept; "" for one that cannot be read: pylint says why."""
    try:
        return verdicts.named(
            *rules, *(part for file in _known_from(path) for part in (file.relative_to(ROOT), _read(file)))
        )
    except (OSError, SyntaxError):
        return ""


def lint(names):
    """Breaks: what pylint finds. All files of a circle of imports import one another, so a change in one asks for all."""
    rules = [said_by([sys.executable, "-m", "pylint", "--version"])[0], (ROOT / "pyproject.toml").read_bytes()]
    wanted = {name: _verdict(Path(name), rules) for name in names}
    asked = [name for name, verdict in wanted.items() if not verdict or verdicts.recall("pylint", verdict) is None]
    if not asked:
        return
    text, status = said_by([sys.executable, "-m", "pylint", "--score=n", *asked])
    found = [line for line in text.splitlines() if re.match(r"\S+:\d+:\d+: ", line)]
    yield from found
    if status and not found:
        yield f"pylint: {(text.strip() or str(status)).splitlines()[-1]}"
    if status == 0:  # else which file a circle is told of is by chance: ask about all again
        for name in asked:
            verdicts.keep("pylint", wanted[name])


def fix_format(cpp, python):
    """Let clang-format and black write the sources."""
    subprocess.run(["clang-format-19", "-i", *cpp], cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "black", "-q", *python], cwd=ROOT, check=True)
    return 0
