# SPDX-License-Identifier: Apache-2.0
"""clang-tidy, by the rules of .clang-tidy, on the sources of PARTS and the headers that these include.

Run by ./test tidy; alone: python3 tests/tidy.py [--all] [-j N] [PREFIX ...]. Prints one line per finding, exits with 1 if there is any.
Asked is only about what may have changed since it was clean: a source, what it includes, its command, the rules or clang-tidy
itself; with --all about everything. The commands are those of build/compile_commands.json, without precompiled headers."""

import argparse
import functools
import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import verdicts

ROOT = Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-19"
PARTS = ("hypervisor/", "packing/")


def commands(prefixes):
    """{source: (folder, compiler and arguments without input, output and precompiled header)}. Of two ways in which a source is
    compiled, that of the part itself counts, which comes first."""
    found = {}
    for entry in json.loads((ROOT / "build/compile_commands.json").read_text(encoding="utf-8")):
        path = Path(entry["file"])
        name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else ""
        if path.suffix != ".cpp" or not name.startswith(tuple(prefixes)) or name in found:
            continue
        words = shlex.split(entry["command"])
        for option in ("-o", "-c", "-include-pch"):
            if option in words:
                at = words.index(option)
                del words[at : at + 2]
        found[name] = entry["directory"], words
    return found


@functools.cache
def _sum(path):
    """The hash of a file; "" for one that is gone."""
    try:
        return verdicts.named(Path(path).read_bytes())
    except OSError:
        return ""


def _inputs(name, folder, words):
    """{file: hash} of a source and all that it includes, the system's headers too; None where it does not compile."""
    done = subprocess.run([*words, "-M", ROOT / name], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    files = done.stdout.replace("\\\n", " ").partition(":")[2].split()
    return {file: _sum(os.path.normpath(os.path.join(folder, file))) for file in files}


def _is_clean(verdict, folder):
    """Whether it was clean with all inputs as they are now."""
    kept = verdicts.recall("tidy", verdict)
    inputs = json.loads(kept) if kept else {}
    return bool(inputs) and all(
        _sum(os.path.normpath(os.path.join(folder, file))) == was for file, was in inputs.items()
    )


def ask(name, folder, words):
    """What clang-tidy finds in a source: lines."""
    command = [TIDY, "--quiet", f"--config-file={ROOT}/.clang-tidy", ROOT / name, "--", *words[1:]]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = re.findall(r"^.*: (?:warning|error): .*$", done.stdout, re.M)
    if done.returncode and not found:
        found = [f"{name}: {TIDY}: {(done.stderr.strip() or str(done.returncode)).splitlines()[-1]}"]
    return [line.removeprefix(f"{ROOT}/") for line in found]


def check(prefixes, everything=False, jobs=1):
    """(findings, number of sources, number of those asked about)."""
    version = subprocess.run([TIDY, "--version"], capture_output=True, text=True, check=True).stdout
    rules = [version, (ROOT / ".clang-tidy").read_bytes()]
    sources, asked = commands(prefixes), []
    for name, (folder, words) in sources.items():
        verdict = verdicts.named(*rules, name, *(word.replace(str(ROOT), ".") for word in words))
        if everything or not _is_clean(verdict, folder):
            asked.append((name, folder, words, verdict))

    def one(source):
        name, folder, words, verdict = source
        inputs = _inputs(name, folder, words)  # first: what changes meanwhile is asked about again
        found = ask(name, folder, words)
        if inputs and not found:
            verdicts.keep("tidy", verdict, json.dumps(inputs))
        return found

    with ThreadPoolExecutor(jobs) as pool:
        findings = sorted({line for found in pool.map(one, asked) for line in found})
    return findings, len(sources), len(asked)


def main():
    """Print the findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("-j", "--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("prefixes", nargs="*", metavar="PREFIX")
    options = parser.parse_args()
    findings, sources, asked = check(options.prefixes or PARTS, options.all, options.jobs)
    for line in findings:
        print(line)
    print(f"{sources} sources, {asked} asked about, {len(findings)} findings")
    return 1 if findings or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
