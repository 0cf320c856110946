#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures bare Linux, real Xen and Proxenos by instruction counts; writes bench/results.json and docs/performance.md.

    bench/run.py                          everything: some minutes for each column
    bench/run.py --columns proxenos       one column again, the others from bench/results.json
    bench/run.py --groups dom0 boot       only these groups of rows
    bench/run.py --report                 only write docs/performance.md again
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

# pylint: disable=wrong-import-position
from bench import events, measure, report
from bench.counts import COLUMNS
from lab.host import LabError, say

RESULTS = ROOT / "bench/results.json"


def rounded(counts):
    """Counts as the file keeps them: four digits tell enough."""
    return {name: float(f"{value:.4g}") for name, value in sorted(counts.items())}


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", nargs="+", default=list(COLUMNS), choices=list(COLUMNS))
    parser.add_argument("--groups", nargs="+", default=list(measure.GROUPS), choices=list(measure.GROUPS))
    parser.add_argument(
        "--events", action="store_true", help="keep the instruction counts, measure only the events anew"
    )
    parser.add_argument("--emulator", default="qemu", choices=list(events.PLUGINS))
    parser.add_argument("--report", action="store_true", help="measure nothing, write the report")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for column in [] if options.report else options.columns:
        say(f"measuring {column}")
        try:
            found, seen = measure.column(column, options.groups, options.emulator)
        except LabError as error:
            print(f"bench: {column}: {error}", file=sys.stderr)
            return 1
        results.setdefault(column, {}).update({} if options.events else found)
        noted = results.setdefault("events", {}).setdefault(column, {"rows": {}})
        noted["rows"].update({row: rounded(counts) for row, counts in seen["rows"].items()})
        noted["survive"] = seen["survive"]
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    (ROOT / "docs/performance.md").write_text(report.text(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
