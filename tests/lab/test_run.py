# SPDX-License-Identifier: Apache-2.0
"""./run as a whole, on bare Linux: only the command's output on standard output, its status as the result."""

import subprocess

from lab.host import ROOT


def test_command_on_bare_linux():
    done = subprocess.run(
        [ROOT / "run", "--hypervisor", "none", "--", "echo out; echo err >&2; exit 9"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (9, "out\n")
    assert "err\n" in done.stderr
