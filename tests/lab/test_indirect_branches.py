# SPDX-License-Identifier: Apache-2.0
"""All indirect branches of the hypervisor's own code go through the thunk (x86/machine/cpu/thunk.S)."""

import re
import shutil
import subprocess

import pytest

from lab.host import BUILD

IMAGE = BUILD / "hypervisor/proxenos.debug"
OBJDUMP = "llvm-objdump-19"
# The thunk itself, and what runs once before there is a guest.
ALLOWED = {"__x86_indirect_thunk_r11", "boot_entry64"}
# The decompressors of dom0's kernel (liblzma, zlib) have other names.
OWN = re.compile(r"^(?:_ZN?\w*2px|px_|__x86_|boot_)")


@pytest.mark.skipif(not IMAGE.exists() or not shutil.which(OBJDUMP), reason="no build of the hypervisor")
def test_own_code_has_no_indirect_branches():
    text = subprocess.run(
        [OBJDUMP, "-d", "--no-show-raw-insn", "--section=.text", str(IMAGE)], capture_output=True, text=True, check=True
    ).stdout
    function, found, thunked = "", set(), 0
    for line in text.splitlines():
        if match := re.match(r"^[0-9a-f]+ <(.*)>:$", line):
            function = match.group(1)
        elif re.search(r"\s(?:jmp|call)q?\s+\*", line) and OWN.match(function):
            found.add(function)
        thunked += "<__x86_indirect_thunk_r11>" in line
    assert thunked > 100
    assert found <= ALLOWED
