# SPDX-License-Identifier: Apache-2.0
"""./test: what it tells of tests that were run twice."""

from types import SimpleNamespace

from lab import elsewhere, suite


def test_a_second_try_is_told_with_the_reason_of_the_first(tmp_path, monkeypatch, capsys):
    (tmp_path / "test_sometimes.py").write_text(
        """
seen = []
def test_one():
    seen.append(1)
    assert len(seen) > 1, "too early"
def test_two():
    seen.append(2)
    assert len(seen) > 3, ("too", "late")
"""
    )
    monkeypatch.setattr(suite, "LOGS", tmp_path)
    count = suite.pytest_job("sometimes", tmp_path, [], SimpleNamespace(expression=None), 60)
    suite.report(count)
    assert (count.passed, count.failed) == (2, 0)
    told = capsys.readouterr().out
    assert (
        "run twice: " in told
        and "::test_one: AssertionError: too early" in told
        and "::test_two: AssertionError: ('too', 'late')" in told
    )


def test_newer_emulator_and_kernel():
    both = [("proxenos", "stock"), ("proxenos", "proxenos"), ("xen", "stock")]
    assert elsewhere.runs(both, False) == [
        (
            "system-proxenos-qemu-10-6.12",
            "test_life.py",
            ["--hypervisor=proxenos", "--toolstack=proxenos", "--emulator=qemu-10", "--kernel=6.12"],
        ),
    ]
    assert {pattern for _, pattern, _ in elsewhere.runs(both, True)} == {"test_*.py"}
    assert len(elsewhere.runs(both, True)) == 4 and elsewhere.runs([], True) == []


def test_modules_are_jobs_whose_cost_is_known_or_guessed(tmp_path, monkeypatch):
    (tmp_path / "tests/some").mkdir(parents=True)
    (tmp_path / "tests/some/test_a.py").write_text("\ndef test_one():\n    pass\n\ndef test_two():\n    pass\n")
    (tmp_path / "tests/some/test_b.py").write_text("\ndef test_three():\n    pass\n")
    monkeypatch.setenv("PYTHONPATH", str(suite.ROOT))
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    monkeypatch.setattr(suite, "LOGS", tmp_path / "logs")
    options = SimpleNamespace(expression="")
    work = list(suite.module_jobs("group", "tests/some", [], options, 60, {"group-b": 700}))
    assert [(job.name, job.group, job.cost) for job in work] == [("group-a", "group", 20), ("group-b", "group", 700)]
    count = suite.timed(work[1].function)
    assert (count.passed, count.failed) == (1, 0) and count.cpu > 0
    options.expression = "two"
    assert [job.name for job in suite.module_jobs("group", "tests/some", [], options, 60, {})] == ["group-a"]


def test_costs_are_kept_for_the_next_run(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    suite.keep_costs([suite.Count("a", passed=1, cpu=12.4), suite.Count("b", failed=1, passed=1, cpu=99)])
    suite.keep_costs([suite.Count("c", passed=1, cpu=3)])
    assert suite.known_costs() == {"a": 12, "c": 3}


def test_the_summary_adds_groups_up_and_names_what_cost_most(capsys):
    counts = [("g", suite.Count(f"g-{n}", passed=2, failed=n == 3, cpu=n, seconds=2 * n)) for n in range(1, 13)]
    suite.summary(counts)
    said = capsys.readouterr().out
    assert "24 passed, 1 failed  (78 s of CPU)" in said
    assert [line.split()[2] for line in said.splitlines() if line.startswith("  ")] == [
        f"g-{n}" for n in range(12, 2, -1)
    ]
    assert "run twice" not in said


def test_where_a_failures_remains_lie_is_told(capsys):
    suite.report(suite.Count("m", failed=1, lines="x\nkept in build/logs/failures/c/t\ny"))
    assert "kept: build/logs/failures/c/t" in capsys.readouterr().out


def test_a_command_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "LOGS", tmp_path)
    status, text = suite.run_logged("slow", ["sleep", "60"], 0.5)
    assert status != 0 and "ended after 0.5 s" in text


def test_a_checkers_lines_are_failures(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "LOGS", tmp_path)

    def said(text):
        count = suite.checker("some", ["printf", text], 10, r"\d+ files, (\d+) against")
        return count.passed, count.failed, count.lines

    assert said("3 files, 0 against\\n") == (1, 0, "")
    assert said("a\\nb\\n3 files, 2 against\\n") == (0, 2, "a\nb\n3 files, 2 against\n")
    assert said("Traceback\\n") == (0, 1, "Traceback\n")


def test_clang_tidy_runs_when_named_and_in_a_thorough_run(monkeypatch):
    seen = []
    monkeypatch.setattr(suite.packages, "install", lambda: None)
    monkeypatch.setattr(
        suite, "run_all", lambda options: seen.append(options.parts) or [("a", suite.Count("a", passed=1))]
    )
    for arguments in ([], ["--thorough"], ["tidy"], ["style", "tidy"]):
        suite.main(arguments)
    assert seen == [[part for part in suite.PARTS if part != "tidy"], list(suite.PARTS), ["tidy"], ["style", "tidy"]]
    options = SimpleNamespace(parts=["tidy", "unit"])
    assert [job.name for job in suite.host_jobs(options)] == ["unit-asan", "unit-tsan", "tidy"]
