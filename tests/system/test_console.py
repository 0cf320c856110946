# SPDX-License-Identifier: Apache-2.0
"""Consoles used as a person uses them: dom0's on the serial line, a guest's through xl console."""

import pytest


@pytest.fixture
def shell(machine, dom0):
    """dom0's own shell on the serial line."""
    machine.console.sendline("")
    machine.expect_console(r"dom0:~# ")
    return machine.console


def test_dom0_console_both_ways(machine, shell):
    shell.sendline("echo an$((40+2))swer")
    machine.expect_console("an42swer")
    machine.expect_console("dom0:~# ")


def test_serial_input_to_the_hypervisor_and_back(machine, shell):
    """Ctrl-a three times moves the input, a debug key answers, three more times move it back."""
    shell.send("\x01\x01\x01")
    machine.expect_console(r"\(XEN\) \*\*\* Serial input to Xen")
    shell.send("h")
    machine.expect_console(r"\(XEN\) .*key")
    shell.send("\x01\x01\x01")
    machine.expect_console(r"\(XEN\) \*\*\* Serial input to DOM0")
    shell.sendline("echo back$((1+1))")
    machine.expect_console("back2")
    machine.expect_console("dom0:~# ")


def test_guest_console(machine, dom0, shell):
    dom0.guest().up()
    shell.sendline("xl console guest")
    shell.sendline("")
    machine.expect_console("# ")
    shell.sendline("echo in$((20+1))side")
    machine.expect_console("in21side")
    shell.send("\x1d")
    machine.expect_console("dom0:~# ")


def test_create_with_console(machine, dom0, shell):
    """create -c shows the guest's output from the start."""
    dom0.config("guest")
    shell.sendline("xl create -c /etc/xen/guest.cfg")
    machine.expect_console("GUEST-UP", 90)
    shell.send("\x1d")
    machine.expect_console("dom0:~# ")


def test_guest_log_is_kept(dom0):
    guest = dom0.guest(command="echo one two three").up()
    assert "one two three" in guest.wait("GUEST-STATUS 0")
