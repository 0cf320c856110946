# SPDX-License-Identifier: Apache-2.0
"""What is kept of a test that failed."""

from lab import failures
from lab.channel import MachineDied, Result
from lab.settings import Settings


class Machine:
    """One that answers everything with its question, until it dies."""

    template = None
    channel = object()

    def __init__(self, answers=99):
        self.settings = Settings(hypervisor="xen", cpus=2, name="m", prepare="echo it's ready")
        self.answers = answers

    def serial(self):
        return "(XEN) log\n"

    def alive(self):
        return True

    def run(self, command, timeout):
        self.answers -= 1
        if self.answers < 0:
            raise MachineDied("the machine has ended")
        return Result(0, f"<{command}>\n", "")


def test_everything_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(failures, "FOLDER", tmp_path)
    folder = failures.keep([Machine()], "xen-stock", "test_x.test_y[a b/c]", "assert 1 == 2")
    assert folder == tmp_path / "xen-stock/test_x.test_y_a_b_c"
    assert (folder / "failure.txt").read_text() == "assert 1 == 2"
    assert (folder / "m/serial.log").read_text() == "(XEN) log\n"
    assert (folder / "m/xenstore.txt").read_text() == "<xenstore-ls -fp>\n"
    assert {path.name for path in (folder / "m").iterdir()} == {*failures.QUESTIONS, "serial.log", "again.sh"}
    again = (folder / "m/again.sh").read_text()
    assert again.startswith("./run --hypervisor xen --toolstack proxenos --cpus 2") and "echo it" in again


def test_a_machine_that_dies_meanwhile_is_no_failure_of_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(failures, "FOLDER", tmp_path)
    folder = failures.keep([Machine(answers=1)], "c", "t", "x")
    said = [(folder / "m" / name).read_text() for name in list(failures.QUESTIONS)[:2]]
    assert said == ["<xl list -v>\n", "the machine has ended\n"]
    assert not (folder / "m/xenstore.txt").exists()
