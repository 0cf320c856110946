# SPDX-License-Identifier: Apache-2.0
"""The micro guests on a hypervisor built with UBSan and the checks of lock order: nothing undefined, nothing out of order."""

import pytest

from lab import build
from test_micro import CASES, console

PRESET = build.tree("ubsan")


@pytest.fixture(name="image", scope="session")
def fixture_image(request):
    if request.config.getoption("--hypervisor") != "proxenos":
        pytest.skip("only our own hypervisor is built here")
    build.build((build.HYPERVISOR,), "ubsan", "ubsan-build")
    return PRESET / "proxenos"


@pytest.mark.parametrize("cpus", [1, 2])
def test_nothing_undefined(image, cpus):
    log = console(str(image), "all", cpus=cpus, timeout=180)
    assert "MICRO-END" in log, log[-2000:]
    assert log.count("MICRO-PASS") >= len(CASES) - 1, log[-2000:]
    for word in ("UBSAN:", "Panic on CPU"):
        assert word not in log, log[log.index(word) - 500 :][:2000]
