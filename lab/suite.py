# SPDX-License-Identifier: Apache-2.0
"""The ./test command: installs, builds, runs every part, ends with one plain summary."""

import argparse
import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab import host
from lab.host import BUILD, LOGS, ROOT

PARTS = {
    "style": "the rules of the house that a machine can check",
    "lab": "the lab's own tests",
    "unit": "host tests under AddressSanitizer and UBSan; those with threads also under ThreadSanitizer",
    "guests": "micro guests on each hypervisor",
    "system": "Linux as dom0 and as guest, in every cell of {hypervisor} x {toolstack}",
    "interop": "our halves beside stock Xen's",
}
# Whole machines under emulation, several at a time, can miss a time limit that has nothing to do with what is tested: a
# failed test is run once more, and the report names it.
PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-p",
    "no:cacheprovider",
    "-W",
    "ignore",
    "--tb=short",
    "-q",
    "--reruns",
    "1",
    "-p",
    "lab.first_tries",
]


@dataclass
class Count:
    """What a job came to. `lines` are for the reader of a failure."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    lines: str = ""
    again: tuple = ()  # tests that were run twice, passed or not, each with what the first try said


def parser():
    """The command line."""
    result = argparse.ArgumentParser(
        prog="./test",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Install, build, test everything; the last line is 'N passed, N failed'.",
        epilog="parts:\n" + "\n".join(f"  {name:8} {text}" for name, text in PARTS.items()),
    )
    add = result.add_argument
    add("parts", nargs="*", metavar="PART", help="only these parts (default: all)")
    add(
        "-k", dest="expression", default="", metavar="EXPR", help="only tests whose names match (pytest's -k; ctest -R)"
    )
    add("--hypervisor", action="append", default=[], choices=("proxenos", "xen"), help="only on this one; repeatable")
    add(
        "--toolstack",
        action="append",
        default=[],
        choices=("proxenos", "stock"),
        help="only with these tools; repeatable",
    )
    add("-j", "--jobs", type=int, default=0, metavar="N", help="machines at a time (default: one per CPU, at most 4)")
    add("--thorough", action="store_true", help="on real Xen too what concerns the tools alone (half an hour more)")
    add("--no-build", action="store_true", help="use what is built already")
    return result


def run_logged(name, command, timeout):
    """Run a host command into build/logs/NAME.txt: (status, text)."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.txt"
    with open(log, "w", encoding="utf-8") as out:
        try:
            status = subprocess.run(
                [str(word) for word in command],
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=timeout,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\nended after {timeout} s\n")
            status = 124
    return status, log.read_text(errors="replace")


def style(_):
    """tests/house.py: each break of a rule is a failure, none is one pass."""
    _, text = run_logged("style", [sys.executable, "tests/house.py"], 120)
    rules = re.search(r"(\d+) files, (\d+) against", text)
    if not rules:
        return Count("style", failed=1, lines=text[-3000:])
    broken = int(rules.group(2))
    return Count("style", passed=0 if broken else 1, failed=broken, lines=text if broken else "")


def unit(options, preset="asan", target="all", label=""):
    """GoogleTest cases in a sanitizer's preset: those of a target, with a label (default: all of them)."""
    name = f"unit-{preset}"
    for step, command in (
        ("configure", ["cmake", "--preset", preset]),
        ("build", ["cmake", "--build", f"build/{preset}", "--target", target]),
    ):
        status, text = run_logged(f"{name}-{step}", command, 3600)
        if status:
            wrong = [line for line in text.splitlines() if re.search(r"error|Error|FAILED", line)]
            return Count(name, failed=1, lines=f"the {preset} preset's {step} failed\n" + "\n".join(wrong[:20]))
    command = ["ctest", "--test-dir", f"build/{preset}", "--output-on-failure", "--timeout", "300", "-j", options.jobs]
    command += ["-L", label] if label else []
    _, text = run_logged(name, command + (["-R", options.expression] if options.expression else []), 3600)
    total = re.search(r"(\d+) tests failed out of (\d+)", text)
    if not total:
        return Count(name, skipped=1) if "No tests were found" in text else Count(name, failed=1, lines=text[-3000:])
    failed, tests = map(int, total.groups())
    return Count(name, passed=tests - failed, failed=failed, lines=text[-8000:] if failed else "")


def pytest_job(name, folder, arguments, options, timeout):
    """One pytest process; counts come from its XML report."""
    report = LOGS / f"{name}.xml"
    report.unlink(missing_ok=True)
    command = [*PYTEST, folder, f"--junitxml={report}", *arguments]
    command += ["-k", options.expression] if options.expression else []
    status, text = run_logged(name, command, timeout)
    if status == 5:  # no test fits -k
        return Count(name)
    try:
        suite = ElementTree.parse(report).getroot().find("testsuite")
        numbers = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
    except (OSError, ElementTree.ParseError, AttributeError):
        return Count(name, failed=1, lines=f"no report (status {status})\n{text[-3000:]}")
    bad = numbers["failures"] + numbers["errors"]
    return Count(
        name,
        max(0, numbers["tests"] - bad - numbers["skipped"]),
        bad,
        numbers["skipped"],
        lines=text[-12000:] if bad or status else "",
        again=tuple(sorted(set(re.findall(r"^=+ first try of (.+?) =+\n(?:(?!=|E ).*\n)*(?:E +(.*))?", text, re.M)))),
    )


def has_tests(folder):
    """Whether a folder of the tests exists already."""
    return bool(list((ROOT / folder).glob("test_*.py")))


def jobs(options, built):
    """The jobs of the chosen parts, longest first: [(name, function)]."""
    result, missing = [], []
    cells = [(hypervisor, toolstack) for hypervisor in options.hypervisor for toolstack in options.toolstack]
    if "system" in options.parts:
        for hypervisor, toolstack in cells:
            name = f"system-{hypervisor}-{toolstack}"
            absent = [what for what in (hypervisor, f"tools-{toolstack}") if not built[what]]
            if absent:
                missing.append(
                    Count(name, failed=1, lines=f"{name}: not built: {', '.join(absent)} (build/logs/build.log)")
                )
            else:
                arguments = [f"--hypervisor={hypervisor}", f"--toolstack={toolstack}"]
                arguments += ["--thorough"] if options.thorough else []
                result.append((name, lambda n=name, a=arguments: pytest_job(n, "tests/system", a, options, 3600)))
    for part in ("guests", "interop"):
        if part in options.parts and has_tests(f"tests/{part}"):
            for hypervisor in options.hypervisor if part == "guests" else [""]:
                name = f"{part}-{hypervisor}".rstrip("-")
                arguments = [f"--hypervisor={hypervisor}"] if hypervisor else []
                result.append((name, lambda n=name, p=part, a=arguments: pytest_job(n, f"tests/{p}", a, options, 2400)))
    if "lab" in options.parts and has_tests("tests/lab"):
        result.append(("lab", lambda: pytest_job("lab", "tests/lab", [], options, 900)))
    return result, missing


def timed(function):
    """A job's count with its time; a job that breaks is a failure."""
    start = time.monotonic()
    try:
        count = function()
    except Exception as error:  # pylint: disable=broad-except  # one broken job must not end the others
        count = Count("?", failed=1, lines=f"{type(error).__name__}: {error}")
    count.seconds = time.monotonic() - start
    return count


def report(count, lock=threading.Lock()):
    """One job's line, and what it has to say when it failed."""
    with lock:
        if count.failed:
            print(f"\n{count.lines}\n")
        skipped = f", {count.skipped} skipped" if count.skipped else ""
        print(
            f"{count.name:24} {count.passed} passed, {count.failed} failed{skipped}  ({count.seconds:.0f} s)",
            flush=True,
        )
        for name, reason in count.again:
            print(f"{'':24} run twice: {name}: {reason}", flush=True)
    return count


def build_all(options):
    """Build; what there is to test afterwards."""
    if not options.no_build:
        host.say("building")
        host.build(required=False)
    return {
        "xen": True,
        "proxenos": (BUILD / "proxenos").exists(),
        "tools-stock": True,
        "tools-proxenos": (BUILD / "toolstack/xl").exists(),
    }


def run_all(options):
    """Every chosen job; their counts."""
    counts = []
    if "style" in options.parts:
        counts.append(report(timed(lambda: style(options))))
    machine_parts = set(options.parts) & {"system", "guests", "interop", "lab"}
    built = build_all(options) if machine_parts else {}
    if "unit" in options.parts:
        counts.append(report(timed(lambda: unit(options))))
        counts.append(report(timed(lambda: unit(options, "tsan", "thread_tests", "threads"))))
    if machine_parts:
        from lab import images  # made once, before several machines want it at the same time

        images.dom0_image()
        work, missing = jobs(options, built)
        counts += [report(count) for count in missing]
        with ThreadPoolExecutor(options.jobs) as pool:
            counts += list(pool.map(lambda job: report(timed(job[1])), work))
    return counts


def main(arguments=None):
    """Entry of ./test."""
    options = parser().parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        print(f"test: no part is called {', '.join(unknown)}; choose of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    options.parts = options.parts or list(PARTS)
    options.hypervisor = options.hypervisor or ["proxenos", "xen"]
    options.toolstack = options.toolstack or ["stock", "proxenos"]
    options.jobs = options.jobs or min(4, len(os.sched_getaffinity(0)))
    start = time.monotonic()
    try:
        host.install_packages()
        counts = run_all(options)
    except host.LabError as error:
        print(f"test: {error}", file=sys.stderr)
        counts = [Count("set-up", failed=1)]
    except KeyboardInterrupt:
        return 130
    passed, failed, skipped = (
        sum(getattr(count, what) for count in counts) for what in ("passed", "failed", "skipped")
    )
    if not passed + failed:
        print("no test was run")
        failed = 1
    print(f"in {time.monotonic() - start:.0f} s; details in {Path('build/logs')}/")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
