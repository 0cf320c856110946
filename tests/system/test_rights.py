# SPDX-License-Identifier: Apache-2.0
"""Rights of PV guests on the machine itself: what the configuration gives works, what it does not give stays closed."""

# Port 0x92 of a PC's chipset: bit 1 is the A20 gate, which is open. A port that a guest may not read gives 0xff.
READ = "dd if=/dev/port bs=1 skip=146 count=1 2> /dev/null | od -A n -t x1"


def test_ports(dom0):
    """ioports opens exactly these ports."""
    guest = dom0.guest(ioports='["92"]').up()
    given = guest.run(READ)[1].split()[0]
    assert given == dom0.out(READ).split()[0] != "ff"
    dom0.out("xl destroy guest")
    assert dom0.guest("other").up().run(READ)[1].split()[0] == "ff"


def test_memory_and_interrupts_are_accepted(dom0):
    """The text console's memory, and an interrupt that nobody has."""
    dom0.guest(iomem='["b8,8"]', irqs="[5]", options="-p")
    dom0.out("xl destroy guest")


def test_senseless_rights(dom0, cell):
    """Nothing is made."""
    for keys in ({"ioports": '["3ff-3f8"]'}, {"iomem": '["a0"]'}, {"ioports": '["zz"]'}):
        said = dom0.fails(f"xl create {dom0.config('guest', **keys)}")
        assert cell.toolstack != "proxenos" or "hexadecimal" in said
    assert len(dom0.rows()) == 1
