# SPDX-License-Identifier: Apache-2.0
"""System tests: one machine per test module, shared by its tests; the same tests run on every cell of
{Proxenos, Xen} x {our tools, stock tools}, chosen by --hypervisor and --toolstack."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from dom0 import Dom0  # noqa: E402  (needs the path above)
from lab import emulators, failures, images  # noqa: E402
from lab.host import ROOT, LabError  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.other_suites import why_not  # noqa: E402
from lab.settings import CALM_XEN  # noqa: E402

BOOT_TIMEOUT = 240
MACHINES = []  # those that run


def pytest_addoption(parser):
    parser.addoption("--hypervisor", default="proxenos", help="proxenos, xen or the path of an image")
    parser.addoption("--toolstack", default="stock", help="proxenos or stock")
    parser.addoption("--emulator", default="qemu", help="qemu or qemu-10")
    parser.addoption("--kernel", default="6.1", help="dom0's Linux and the guests': 6.1 or 6.12")
    parser.addoption("--thorough", action="store_true", help="also on real Xen what concerns one half alone")
    parser.addoption("--once", action="store_true", help="without what the same run tests beneath other tools")


def pytest_configure(config):
    config.addinivalue_line("markers", "tools_alone: about dom0's programs, whatever hypervisor is beneath")


def pytest_collection_modifyitems(config, items):
    """A module with TOOLS_ALONE = True, or a test with that mark, is about dom0's programs, whatever hypervisor is beneath; one
    with HYPERVISOR_ALONE = True about the hypervisor, whatever tools are above: it runs beneath one kind of them. Both run on
    ours, and on real Xen, where they show that they are right, in a thorough run or with its own tools only."""
    if config.getoption("--thorough"):
        return
    on_xen = config.getoption("--hypervisor") == "xen"
    without_hypervisor = config.getoption("--once") or (on_xen and config.getoption("--toolstack") != "stock")
    flags = ["TOOLS_ALONE"] * on_xen + ["HYPERVISOR_ALONE"] * without_hypervisor

    def is_left_out(item):
        marked = on_xen and item.get_closest_marker("tools_alone")
        return marked or any(getattr(item.module, flag, False) for flag in flags)

    left_out = [item for item in items if is_left_out(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


class Cell:
    """Which hypervisor and which tools this run is about; makes machines of that kind."""

    broken = None  # why this cell does not boot at all: said once per test, not waited for once per module

    def __init__(self, config):
        self.hypervisor = config.getoption("--hypervisor")
        self.toolstack = config.getoption("--toolstack")
        self.emulator = config.getoption("--emulator")
        self.kernel = config.getoption("--kernel")
        self.absent = why_not(emulators.find, self.emulator) or why_not(images.kernel_archives, self.kernel)

    @property
    def name(self):
        other = (f"-{self.emulator}" if self.emulator != "qemu" else "") + (
            f"-{self.kernel}" if self.kernel != "6.1" else ""
        )
        return f"{Path(self.hypervisor).name}-{self.toolstack}{other}"

    def settings(self):
        """The settings that this cell is about."""
        return {
            "hypervisor": self.hypervisor,
            "toolstack": self.toolstack,
            "emulator": self.emulator,
            "kernel": self.kernel,
        }

    def machine(self, name, **fields):
        """A machine of this cell, started, dom0 ready."""
        if self.absent:
            pytest.skip(self.absent)
        if Cell.broken:
            pytest.fail(f"this cell does not boot: {Cell.broken}")
        if self.hypervisor == "xen":
            fields["hypervisor_args"] = f"{CALM_XEN} {fields.get('hypervisor_args', '')}".strip()
        machine = Machine(**{**self.settings(), "name": f"{self.name}-{name}", **fields})
        MACHINES[:] = [other for other in MACHINES if other.alive()] + [machine]
        try:
            machine.start(timeout=BOOT_TIMEOUT)
            machine.run("mkdir -p /run/xen; touch /run/xen/proxenos-test-steps")  # PROXENOS_..._STEP is obeyed there
            return machine
        except LabError as error:
            machine.stop()
            if set(fields) <= {"hypervisor_args"}:
                Cell.broken = str(error).splitlines()[0]
            pytest.fail(str(error))


@pytest.fixture(scope="session")
def cell(request):
    """The cell."""
    return Cell(request.config)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """While its machines still run: keep what a failed test leaves (lab/failures.py), and say where."""
    report = (yield).get_result()
    if not report.failed or "cell" not in item.fixturenames:
        return
    name = f"{item.path.stem}.{item.name}" + (
        f".try{item.execution_count}" if getattr(item, "execution_count", 1) > 1 else ""
    )
    folder = failures.keep(MACHINES, Cell(item.config).name, name, report.longreprtext)
    report.sections.append(("kept", f"kept in {folder.relative_to(ROOT)}"))


class Shared:
    """The machine that a module's tests share. One that died or hangs is started anew, so that each test is judged by
    itself; a module that keeps killing its machine is given up."""

    RESTARTS = 4

    def __init__(self, cell, module):
        self.start = lambda: cell.machine(module.__name__.removeprefix("test_"), **getattr(module, "MACHINE", {}))
        self.machine = None
        self.restarts = -1

    def get(self):
        if self.machine is not None and not self.machine.answers():
            self.machine.stop()
            self.machine = None
        if self.machine is None:
            self.restarts += 1
            if self.restarts > self.RESTARTS:
                pytest.fail("this module's machine died too often")
            self.machine = self.start()
        return self.machine


@pytest.fixture(scope="module")
def shared(cell, request):
    """The module's machine; a module sets MACHINE = {...} for other than the default settings."""
    result = Shared(cell, request.module)
    yield result
    if result.machine is not None:
        result.machine.stop()


@pytest.fixture
def machine(shared):
    """The module's machine, running."""
    return shared.get()


@pytest.fixture
def dom0(machine):
    """dom0 for one test: guests that the test leaves behind are destroyed."""
    result = Dom0(machine)
    yield result
    result.clean()


@pytest.fixture
def ours(cell, dom0):
    """dom0 with our tools, for what stock ones do otherwise."""
    if cell.toolstack != "proxenos":
        pytest.skip("what stock tools do otherwise")
    return dom0
