# SPDX-License-Identifier: Apache-2.0
"""Promises about size: the image as built, and the figures that docs/performance.md was written from."""

import json
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

# pylint: disable=wrong-import-position
from bench import cycles, measure, modelled, report, rows
from lab.host import BUILD, ROOT

RESULTS = json.loads((ROOT / "bench/results.json").read_text())
LIMITS = {key: limit for key, _, limit, factor in rows.BARS if factor is None}


def test_image_size():
    image = BUILD / "proxenos"
    if not image.exists():
        pytest.skip("the hypervisor is not built")
    assert measure.image_size(image) <= LIMITS["image"]


def test_hypervisor_memory_as_measured():
    assert RESULTS["proxenos"]["memory-hypervisor"] <= LIMITS["memory-hypervisor"]


def test_null_system_call_as_measured():
    assert RESULTS["proxenos"]["null-syscall"] <= LIMITS["null-syscall"]


def test_boot_as_measured():
    assert RESULTS["proxenos"]["boot-building"] <= RESULTS["xen"]["boot-building"] / 3


def test_what_is_costlier_than_on_xen_has_a_reason():
    """By modelled cycles, as measured; a reason that no row needs any more is an error."""
    events = RESULTS["events"]
    assert set(events["xen"]["rows"]) == set(events["proxenos"]["rows"]) and len(events["xen"]["rows"]) >= 70
    found = modelled.costlier({core: cycles.table(events, place) for place, core in enumerate(cycles.CORES)})
    assert set(found) == set(rows.COSTLIER_THAN_XEN)
    assert not found or max(found.values()) <= rows.MOST_COSTLIER


def test_report_is_of_these_results():
    assert (ROOT / "docs/performance.md").read_text() == report.text(RESULTS)


def test_rows_are_parsed():
    assert measure.parse("row a-b=1.5\r\nnoise\nrow c=2\n") == {"a-b": 1.5, "c": 2.0}


def test_longer_knows_which_way_is_better():
    said = report.longer({"tcp": 200, "udp": 10, "exec": 5}, {"tcp": 100, "udp": 20, "exec": 5})
    assert "`tcp` (2.00)" in said and "`udp` (2.00)" in said and "exec" not in said
