# SPDX-License-Identifier: Apache-2.0
"""The micro guests on a hypervisor built with UBSan and the checks of lock order: nothing undefined, nothing out of order."""

import subprocess

import pytest

from lab.host import BUILD, ROOT
from test_micro import CASES, console

PRESET = BUILD / "ubsan"


@pytest.fixture(name="image", scope="session")
def fixture_image(request):
    if request.config.getoption("--hypervisor") != "proxenos":
        pytest.skip("only our own hypervisor is built here")
    for command in (["cmake", "--preset", "ubsan"], ["cmake", "--build", str(PRESET), "--target", "proxenos"]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return PRESET / "proxenos"


@pytest.mark.parametrize("cpus", [1, 2])
def test_nothing_undefined(image, cpus):
    log = console(str(image), "all", cpus=cpus, timeout=180)
    assert "MICRO-END" in log, log[-2000:]
    assert log.count("MICRO-PASS") >= len(CASES) - 1, log[-2000:]
    for word in ("UBSAN:", "Panic on CPU"):
        assert word not in log, log[log.index(word) - 500 :][:2000]
