# SPDX-License-Identifier: Apache-2.0
"""The ./test command: installs, builds, runs every part, ends with one plain summary."""

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab import build, elsewhere, ending, host, packages
from lab.host import BUILD, LOGS, ROOT

PARTS = {
    "style": "the rules of the house that a machine can check",
    "lab": "the lab's own tests",
    "unit": "host tests under AddressSanitizer and UBSan; those with threads also under ThreadSanitizer",
    "models": "what CPUs agree on without a lock, every interleaving (spin)",
    "guests": "micro guests on each hypervisor",
    "system": "Linux as dom0 and as guest, in every cell of {hypervisor} x {toolstack}",
    "interop": "our halves beside stock Xen's",
    "tidy": "clang-tidy on what changed since it was clean; only when named, and in a thorough run, there on everything",
}
ONLY_NAMED = ("tidy",)
# The parts that start machines, and what they run of the release tree.
TARGETS = {
    "lab": (build.HYPERVISOR, build.TOOLSTACK, build.PLUGINS),
    "guests": (build.HYPERVISOR, build.MICRO_GUESTS),
    "system": (build.HYPERVISOR, build.TOOLSTACK, build.MICRO_GUESTS, build.TEST_PROGRAMS),
    "interop": (build.HYPERVISOR, build.TOOLSTACK),
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
    "-p",
    "lab.ending",
]


@dataclass
class Count:
    """What a job came to. `lines` are for the reader of a failure."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    cpu: float = 0.0  # seconds of all processes that the job waited for
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
    add("parts", nargs="*", metavar="PART", help="only these parts (default: all but tidy)")
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
    add(
        "--thorough",
        action="store_true",
        help="also real Xen with its own tools, on real Xen what concerns one half alone, all on QEMU 10 and with "
        "Linux 6.12 (hours more), and clang-tidy on everything",
    )
    add("--no-build", action="store_true", help="use what is built already")
    return result


SPENT = threading.local()  # .cpu: seconds of CPU of the commands that this thread ran


def run_logged(name, command, timeout):
    """Run a host command into build/logs/NAME.txt: (status, text)."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.txt"
    with open(log, "w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        late = threading.Timer(timeout, process.kill)
        late.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if not late.is_alive():
            out.write(f"\nended after {timeout} s\n")
        late.cancel()
    SPENT.cpu = getattr(SPENT, "cpu", 0) + usage.ru_utime + usage.ru_stime
    return process.returncode, log.read_text(errors="replace")


def checker(name, command, timeout, last):
    """A program that prints a line for each break of a rule, and last a line that `last` fits, with their number: each is a
    failure, none is one pass."""
    _, text = run_logged(name, command, timeout)
    rules = re.search(last, text)
    if not rules:
        return Count(name, failed=1, lines=text[-3000:])
    broken = int(rules.group(1))
    return Count(name, passed=0 if broken else 1, failed=broken, lines=text[-12000:] if broken else "")


def style(_):
    """The rules of the house."""
    return checker("style", [sys.executable, "tests/house.py"], 600, r"\d+ files, (\d+) against")


def tidy(options):
    """clang-tidy, by the commands of the release build."""
    build.build(("build.ninja",), log="tidy-build")
    command = [sys.executable, "tests/tidy.py", "-j", options.jobs, *(["--all"] if options.thorough else [])]
    return checker("tidy", command, 7200, r"[1-9]\d* sources, \d+ asked about, (\d+) findings")


def unit(options, preset="asan", target="unit_tests", label=""):
    """GoogleTest cases in a sanitizer's preset: those of a target, with a label (default: all of them)."""
    name = f"unit-{preset}"
    beside = (
        max(1, options.jobs // 2) if set(options.parts) & set(TARGETS) else options.jobs
    )  # one of the places is ours
    try:
        cpu = build.build((target,), preset, f"{name}-build", beside)
    except host.LabError as error:
        return Count(name, failed=1, lines=str(error))
    SPENT.cpu = getattr(SPENT, "cpu", 0) + cpu
    command = ["ctest", "--test-dir", f"build/{preset}", "--output-on-failure", "--timeout", "300", "-j", beside]
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


@dataclass
class Job:
    """Something to run beside others. `group` is the line of the summary that it is counted in."""

    name: str
    group: str
    function: object
    cost: float = 0.0  # seconds of CPU that it took last time, or a guess: the longest begin first


def known_costs():
    """What the modules cost when they ran last: here, else as noted in tests/costs.json."""
    costs = {}
    for path in (ROOT / "tests/costs.json", LOGS / "costs.json"):
        with suppress(OSError, ValueError):
            costs.update(json.loads(path.read_text()))
    return costs


def keep_costs(counts):
    """Note what modules cost that passed, for the next time."""
    costs = {count.name: round(count.cpu) for count in counts if count.cpu and count.passed and not count.failed}
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / "costs.json").write_text(json.dumps({**known_costs(), **costs}, indent=1, sort_keys=True) + "\n")


def module_jobs(group, folder, arguments, options, timeout, costs, pattern="test_*.py"):
    """One job for each module of a folder, and of those in it, that has tests for these arguments."""
    paths = sorted((ROOT / folder).rglob(pattern))
    if options.expression and paths:
        command = [*PYTEST, "--collect-only", folder, *arguments, "-k", options.expression]
        _, text = run_logged(f"{group}-collect", command, 300)
        paths = [path for path in paths if f"{path.relative_to(ROOT)}::" in text]
    for path in paths:
        name = f"{group}-{path.stem.removeprefix('test_')}"
        guess = 10 * path.read_text().count("\ndef test_")
        yield Job(
            name,
            group,
            lambda n=name, p=path: pytest_job(n, p.relative_to(ROOT), arguments, options, timeout),
            costs.get(name, guess),
        )


def jobs(options, cells):
    """The pytest jobs of the chosen parts."""
    result, costs = [], known_costs()
    if "system" in options.parts:
        for hypervisor, toolstack in cells:
            arguments = [f"--hypervisor={hypervisor}", f"--toolstack={toolstack}"]
            arguments += ["--thorough"] if options.thorough else []
            twice = (hypervisor, toolstack) == ("proxenos", "stock") and ("proxenos", "proxenos") in cells
            arguments += ["--once"] if twice else []
            group = f"system-{hypervisor}-{toolstack}"
            result += module_jobs(group, "tests/system", arguments, options, 3600, costs)
        for group, pattern, arguments in elsewhere.runs(cells, options.thorough):
            result += module_jobs(group, "tests/system", arguments, options, 3600, costs, pattern)
    for part in ("guests", "interop"):
        if part in options.parts:
            for hypervisor in options.hypervisor if part == "guests" else [""]:
                arguments = [f"--hypervisor={hypervisor}"] if hypervisor else []
                group = f"{part}-{hypervisor}".rstrip("-")
                result += module_jobs(group, f"tests/{part}", arguments, options, 2400, costs)
    if "lab" in options.parts:
        result += module_jobs("lab", "tests/lab", [], options, 900, costs)
    return result


def host_jobs(options):
    """What needs no machine: host tests, each preset one job, models and clang-tidy."""
    models = [Job("models", "models", lambda: pytest_job("models", "tests/models", [], options, 1200), 60)]
    named = [Job("tidy", "tidy", lambda: tidy(options), 500)] if "tidy" in options.parts else []
    return [*unit_jobs(options), *(models if "models" in options.parts else []), *named]


def unit_jobs(options):
    """Host tests, each preset one job: built and run beside the machines."""
    if "unit" not in options.parts:
        return []
    costs = known_costs()
    presets = {"unit-asan": ("asan", "unit_tests", ""), "unit-tsan": ("tsan", "thread_tests", "threads")}
    return [
        Job(name, name, lambda words=words: unit(options, *words), costs.get(name, 500))
        for name, words in presets.items()
    ]


def first_boot(hypervisor, toolstack):
    """A cell shows that it boots; its template is there afterwards. One failure for the whole cell when it does not."""
    from lab.machine import Machine
    from lab.settings import CALM_XEN

    name = f"system-{hypervisor}-{toolstack}"
    arguments = CALM_XEN if hypervisor == "xen" else ""  # as its tests have them, who find the template
    try:
        with Machine(hypervisor=hypervisor, toolstack=toolstack, hypervisor_args=arguments, name=f"{name}-first"):
            return Count(name)
    except host.LabError as error:
        return Count(name, failed=1, lines=f"{name} does not boot, none of its tests was run:\n{error}")


def cells_that_boot(options, built, pool):
    """The chosen cells of the system tests that can be tested, and a failure for each of the others."""
    if "system" not in options.parts:
        return [], []
    cells, failed, tried = [], [], []
    for hypervisor in options.hypervisor:
        for toolstack in options.toolstack:
            if options.ours_only and (hypervisor, toolstack) == ("xen", "stock"):
                continue
            name = f"system-{hypervisor}-{toolstack}"
            absent = [what for what in (hypervisor, f"tools-{toolstack}") if not built[what]]
            if absent:
                text = f"{name}: not built: {', '.join(absent)} (build/logs/build.log)"
                failed.append(report(Count(name, failed=1, lines=text)))
            else:
                tried.append((hypervisor, toolstack))
    for cell, count in zip(tried, pool.map(lambda cell: timed(lambda: first_boot(*cell)), tried)):
        if count.failed:
            failed.append(report(count))
        else:
            cells.append(cell)
    return cells, failed


def timed(function):
    """A job's count with its time; a job that breaks is a failure."""
    start = time.monotonic()
    SPENT.cpu = 0.0
    try:
        count = function()
    except Exception as error:  # pylint: disable=broad-except  # one broken job must not end the others
        count = Count("?", failed=1, lines=f"{type(error).__name__}: {error}")
    count.seconds, count.cpu = time.monotonic() - start, SPENT.cpu
    return count


def report(count, lock=threading.Lock()):
    """One job's line, and what it has to say when it failed."""
    with lock:
        if count.failed:
            print(f"\n{count.lines}\n")
        print(f"{result_line(count)}  ({count.seconds:.0f} s, {count.cpu:.0f} of CPU)", flush=True)
        for name, reason in count.again:
            print(f"{'':32} run twice: {name}: {reason}", flush=True)
        for folder in sorted(set(re.findall(r"^kept in (\S+)$", count.lines, re.M))):
            print(f"{'':32} kept: {folder}", flush=True)
    return count


def result_line(count):
    """NAME  N passed, N failed, N skipped"""
    skipped = f", {count.skipped} skipped" if count.skipped else ""
    return f"{count.name:32} {count.passed} passed, {count.failed} failed{skipped}"


def summary(counts):
    """What the groups came to, and which modules cost most: [(group, count)]."""
    groups = {}
    for group, count in counts:
        total = groups.setdefault(group, Count(group))
        for field in ("passed", "failed", "skipped", "cpu"):
            setattr(total, field, getattr(total, field) + getattr(count, field))
    print()
    for total in groups.values():
        print(f"{result_line(total)}  ({total.cpu:.0f} s of CPU)")
    costly = sorted((count for _, count in counts if count.cpu), key=lambda count: -count.cpu)[:10]
    if len(counts) > 1 and costly:
        print("\nwhat cost most (seconds of CPU, and from start to end):")
        for count in costly:
            print(f"  {count.cpu:6.0f} {count.seconds:6.0f}  {count.name}")
    again = [name for _, count in counts for name, _ in count.again]
    if again:
        print(f"\n{len(again)} tests were run twice: {', '.join(again)}")


def build_parts(options):
    """Build what the chosen parts run: ({what there is to test}, counts of a failed build). What an earlier build left is not
    tested after a failed one."""
    wanted = sorted({target for part in options.parts for target in TARGETS.get(part, ())})
    wrong = []
    try:
        if wanted and not options.no_build:
            build.build(wanted)
    except host.LabError as error:
        wrong = [Count("build", failed=1, lines=str(error))]
    built = {
        "xen": True,
        "proxenos": not wrong and (BUILD / "proxenos").exists(),
        "tools-stock": True,
        "tools-proxenos": not wrong and (BUILD / "toolstack/xl").exists(),
    }
    return built, wrong


@contextmanager
def workers(number):
    """A pool of so many threads. Where the block is interrupted, jobs that have not begun never do, and those that run are
    told by who interrupted it (lab/ending.py)."""
    pool, wait = ThreadPoolExecutor(number), True
    try:
        yield pool
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        pool.shutdown(wait, cancel_futures=True)  # of a block that ends well all have ended


def run_all(options):
    """Every chosen job: [(group, count)]. Host tests are built and run beside the machines; of these each cell boots once,
    then all modules of all cells follow, the longest first."""
    counts = []
    if "style" in options.parts:
        counts.append(("style", report(timed(lambda: style(options)))))
    machine_parts = set(options.parts) & set(TARGETS)
    built, wrong = build_parts(options)
    counts += [("build", report(count)) for count in wrong]
    with workers(options.jobs) as pool:

        def begin(work):
            return [(job.group, pool.submit(lambda job=job: report(timed(job.function)))) for job in work]

        units = host_jobs(options)
        begun = begin(units[:1])
        if machine_parts:
            from lab import images  # made once, before several machines want it at the same time

            images.dom0_image()
            cells, failed = cells_that_boot(options, built, pool)
            counts += [(count.name, count) for count in failed]
            begun += begin(sorted([*units[1:], *jobs(options, cells)], key=lambda job: -job.cost))
        else:
            begun += begin(units[1:])
        counts += [(group, future.result()) for group, future in begun]
    keep_costs([count for _, count in counts])
    return counts


def main(arguments=None):
    """Entry of ./test."""
    options = parser().parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        print(f"test: no part is called {', '.join(unknown)}; choose of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    options.parts = options.parts or [part for part in PARTS if options.thorough or part not in ONLY_NAMED]
    # Nothing of ours is in the cell of real Xen with its own tools: it shows that the tests are right, whoever writes one.
    options.ours_only = not (options.thorough or options.hypervisor or options.toolstack)
    options.hypervisor = options.hypervisor or ["proxenos", "xen"]
    options.toolstack = options.toolstack or ["stock", "proxenos"]
    options.jobs = options.jobs or min(4, len(os.sched_getaffinity(0)))
    start = time.monotonic()
    try:
        packages.install()
        counts = run_all(options)
    except host.LabError as error:
        print(f"test: {error}", file=sys.stderr)
        counts = [("set-up", Count("set-up", failed=1))]
    summary(counts)
    passed, failed, skipped = (
        sum(getattr(count, what) for _, count in counts) for what in ("passed", "failed", "skipped")
    )
    if not passed + failed:
        print("no test was run")
        failed = 1
    print(f"in {time.monotonic() - start:.0f} s; details in {Path('build/logs')}/")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(ending.whole(main))
