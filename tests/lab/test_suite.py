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
            "system-proxenos-qemu-10",
            "test_life.py",
            ["--hypervisor=proxenos", "--toolstack=proxenos", "--emulator=qemu-10"],
        ),
        ("system-proxenos-6.12", "test_life.py", ["--hypervisor=proxenos", "--toolstack=proxenos", "--kernel=6.12"]),
        (
            "system-xen-qemu-10-6.12",
            "test_life.py",
            ["--hypervisor=xen", "--toolstack=stock", "--emulator=qemu-10", "--kernel=6.12"],
        ),
    ]
    assert {pattern for _, pattern, _ in elsewhere.runs(both, True)} == {"test_*.py"}
    assert len(elsewhere.runs(both, True)) == 4 and elsewhere.runs([], True) == []
