# SPDX-License-Identifier: Apache-2.0
"""What a guest sees of its CPU can be changed by its configuration."""

import pytest


def flags(guest):
    return set(guest.run("sed -n 's/^flags.*: //p' /proc/cpuinfo | head -1")[1].split())


def test_features_are_hidden(dom0):
    """By name, and by the bits of a leaf."""
    before = flags(dom0.guest().up())
    assert {"avx2", "bmi2", "rdrand"} <= before
    dom0.out("xl destroy guest")
    after = flags(dom0.guest("fewer", cpuid='"host,avx2=0,rdrand=0"').up())
    assert {"avx2", "rdrand"} <= before - after  # and what cannot be without them
    assert {"bmi2", "avx", "sse2"} <= after
    dom0.out("xl destroy fewer")
    leaf = "7,0:ebx=" + "x" * 23 + "0" + "x" * 8  # bit 8 is BMI2
    assert {"bmi2"} <= before - flags(dom0.guest("leaf", cpuid=f'["{leaf}"]').up())


def test_wrong_names_are_refused(dom0, cell):
    if cell.toolstack != "proxenos":
        pytest.skip("stock xl goes on without them")
    assert "no CPU feature 'nosuch'" in dom0.fails(f"""xl create {dom0.config("guest", cpuid='"host,nosuch=1"')}""")
