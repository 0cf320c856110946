# SPDX-License-Identifier: Apache-2.0
"""What a guest had in registers that C++ preserves does not live on in the hypervisor: the ways in clear them.

A hypercall's short way leaves r12 to r15 as they are (docs/threat-model.md), so it is not among these.
"""

import re
import shutil
import subprocess

import pytest

from lab.host import BUILD

IMAGE = BUILD / "hypervisor/proxenos.debug"
OBJDUMP = "llvm-objdump-19"
PRESERVED = {f"r{n}d" for n in range(12, 16)}
WAYS_IN = {"exception_entry", "interrupt_entry", "ist_entry", "px_syscall32_isolated", "px_sysenter_isolated"}


@pytest.mark.skipif(not IMAGE.exists() or not shutil.which(OBJDUMP), reason="no build of the hypervisor")
def test_ways_in_clear_what_cpp_preserves():
    text = subprocess.run(
        [OBJDUMP, "-d", "--no-show-raw-insn", "--section=.text", str(IMAGE)], capture_output=True, text=True, check=True
    ).stdout
    cleared = {way: set() for way in WAYS_IN}
    way, is_saved = "", False
    for line in text.splitlines():
        if label := re.match(r"^[0-9a-f]+ <(.*)>:$", line):
            way, is_saved = label.group(1), False
        elif way in WAYS_IN and not is_saved:
            is_saved = bool(re.search(r"\spushq?\s+%r15$", line))
        elif way in WAYS_IN and (xor := re.search(r"\sxorl\s+%(\w+), %(\w+)$", line)):
            if xor.group(1) == xor.group(2):
                cleared[way].add(xor.group(1))
        elif re.search(r"\scallq?\s", line):
            way = ""  # what is cleared later is too late
    assert all(PRESERVED <= registers for registers in cleared.values()), cleared
