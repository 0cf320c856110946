# SPDX-License-Identifier: Apache-2.0
"""./test ends whole: whatever happens to its first process, nothing that it started is left."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lab.host import ROOT, patience

# Two jobs at a time of three: a pytest with a fixture and a process of its own, and a shell with one. Each notes its processes.
PROGRAM = """
import os, sys
from pathlib import Path
from lab import ending, suite

work = Path(sys.argv[1])
suite.LOGS = work / "logs"

def main():
    (work / "pid-work").write_text(str(os.getpid()))
    test = [*suite.PYTEST, str(work / "test_slow.py")]
    shell = ["sh", "-c", f"sleep 500 & echo $! > {work}/new; mv {work}/new {work}/pid-shell; wait"]
    late = ["touch", str(work / "late")]
    with suite.workers(2) as pool:
        jobs = [pool.submit(suite.run_logged, f"job{n}", command, 500) for n, command in enumerate((test, shell, late))]
        return sum(job.result()[0] for job in jobs)

sys.exit(ending.whole(main))
"""
TEST = """
import subprocess, pytest
from pathlib import Path

@pytest.fixture(name="machine")
def fixture_machine():
    process = subprocess.Popen(["sleep", "500"])
    here = Path(__file__).parent
    (here / "new-test").write_text(str(process.pid))
    (here / "new-test").rename(here / "pid-test")
    yield process
    process.kill()
    (here / "torn-down").touch()

def test_slow(machine):
    machine.wait()
    machine.wait(500)
"""


def group_of(work):
    """The processes of the group in which the work is done."""
    try:
        leader = int((work / "pid-work").read_text())
    except OSError:
        return []
    lines = subprocess.run(["ps", "-eo", "pgid=,pid=,stat="], capture_output=True, text=True, check=True).stdout
    return [line for line in lines.splitlines() if int(line.split()[0]) == leader and "Z" not in line.split()[2]]


def wait_until(true, seconds):
    end = time.monotonic() + patience(seconds)
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    assert true()


@pytest.fixture(name="work")
def fixture_work(tmp_path):
    (tmp_path / "test_slow.py").write_text(TEST)
    (tmp_path / "program.py").write_text(PROGRAM)
    yield tmp_path
    for line in group_of(tmp_path):
        os.kill(int(line.split()[1]), signal.SIGKILL)


def begin(work):
    """Start the program; wait until both of its jobs have their processes."""
    process = subprocess.Popen(
        [sys.executable, work / "program.py", work],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)],
    )
    wait_until(
        lambda: process.poll() is not None or all((work / f"pid-{job}").exists() for job in ("shell", "test")), 30
    )
    assert len(group_of(work)) == 5
    return process


def ended(work):
    wait_until(lambda: not group_of(work), 15)
    assert not (work / "late").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_the_first_process_is_ended(work, number):
    process = begin(work)
    process.send_signal(number)
    said, errors = process.communicate(timeout=patience(30))
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    assert said == "" and ("ended by SIG" in errors or number == signal.SIGKILL)
    ended(work)
    assert (work / "torn-down").exists()  # the fixture's end was run


def test_what_is_ignored_from_the_start_stays_ignored():
    program = "import os, signal, sys; from lab import ending; "
    program += "signal.signal(signal.SIGHUP, signal.SIG_IGN); print(1, flush=True); "
    program += "sys.exit(ending.whole(lambda: os.kill(os.getppid(), signal.SIGHUP) or os.kill(os.getpid(), signal.SIGHUP) or 5))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (5, "")


def test_nothing_is_left_when_the_working_process_is_killed(work):
    process = begin(work)
    os.kill(int((work / "pid-work").read_text()), signal.SIGKILL)
    process.communicate(timeout=patience(30))
    assert process.returncode == 128 + 9
    ended(work)


def test_a_pause_is_for_all(work):
    process = begin(work)
    process.send_signal(signal.SIGTSTP)
    wait_until(lambda: all("T" in line.split()[2] for line in group_of(work)), 15)
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: not any("T" in line.split()[2] for line in group_of(work)), 15)
    process.terminate()
    process.communicate(timeout=patience(30))
    ended(work)


def test_a_status_and_an_error_are_told():
    program = "import sys; from lab import ending; sys.exit(ending.whole(lambda: {}))"
    for body, status, said in (
        ("3", 3, ""),
        ("None", 0, ""),
        ("sys.exit(4)", 4, ""),
        ("1 / 0", 1, "ZeroDivisionError"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program.format(body)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == status and said in done.stderr
