# SPDX-License-Identifier: Apache-2.0
"""The report's second column: modelled cycles, and the events that they come from."""

from bench import cycles, rows
from bench.figures import number, ratio

MODEL = """## Modelled cycles

A model, not a measurement: cycles = instructions x {cpi} + events x weights, for one current core of each vendor ({cores}). The
events are counted in the emulated machine, by a plugin that sees each executed instruction (`bench/plugin`), on Proxenos, on
Xen and on bare Linux alike; nothing in the measured code counts. Instructions here are executed ones: waiting costs nothing. What
a deprivileged kernel may not execute is charged as a fault. What a load of CR3 drops is charged by the pages that are walked
again: {pages} are assumed to be in use, at {walk} cycles each, and they are charged only where their translations are not global
(below, read from the machines' page tables; Xen has `global-pages=on`, its default but for virtualised AMD processors, such as
the emulator's; the tables above were taken without it). PCID is in no column: the emulator's CPU has none. The weights are at the end.
"""


SECTIONS = (
    ("Programs in dom0", rows.OPERATIONS, ""),
    ("Programs in a PV guest, default TSC mode", rows.OPERATIONS, "pv/"),
    ('Programs in a PV guest, `tsc_mode="native"`', rows.OPERATIONS, "pvn/"),
    ("Primitives, from dom0's user space", rows.PRIMITIVES, ""),
    ("Life of a domain", rows.LIFE, ""),
)
TITLES = {"none": "bare Linux", "xen": "Xen", "proxenos": "Proxenos", "proxenos-tools": "Proxenos, own toolstack"}
# Columns of the tables of events: title, and which events of all regions are added.
SHOWN = {
    "CR3 loads": ("mov-cr3",),
    "SYSCALL": ("syscall",),
    "SYSRET": ("sysret",),
    "IRET": ("iret",),
    "INVLPG": ("invlpg", "invpcid"),
    "WRMSR": ("wrmsr", "wrmsr-base"),
    "other CR": ("mov-cr", "mov-dr"),
    "LOCK": ("lock",),
    "I/O": ("io",),
}


def parts(events):
    """The second column: modelled cycles, and the events that they come from."""
    if not events.get("xen") or not events.get("proxenos"):
        return ["## Modelled cycles\n", "not measured yet\n"]
    tables = {core: cycles.table(events, place) for place, core in enumerate(cycles.CORES)}
    pages = ", ".join(f"{number} of {region}" for region, number in cycles.WORKING_SET.items())
    found = [
        MODEL.format(
            cpi=cycles.INSTRUCTION[0], cores=", ".join(cycles.CORES.values()), pages=pages, walk=cycles.WALK[0]
        ),
        "".join(_survivors(column, found["survive"]) for column, found in events.items()),
        costlier_text(tables),
        "Rows that are in the tables above and not here have no events measured.\n",
    ]
    for title, described, prefix in SECTIONS:
        rows_here = {f"{prefix}{key}": text for key, text in described.items()}
        found += [f"### {title}\n", cycles_table(rows_here, tables), events_table(rows_here, events)]
    return [*found, "### Weights\n", weights_table()]


def _survivors(column, survive):
    words = ", ".join(f"{region} {'yes' if kept else 'no'}" for region, kept in sorted(survive.items()))
    return f"- {TITLES[column]}: translations that survive a load of CR3: {words}\n"


def costlier(tables):
    """{row: worst factor} of the rows that the model finds costlier than on Xen, on either core."""
    found = {}
    for table_of in tables.values():
        for key, value in table_of["proxenos"].items():
            theirs = table_of["xen"].get(key)
            if theirs and value / theirs > 1.005:
                found[key] = max(found.get(key, 0), value / theirs)
    return found


def costlier_text(tables):
    """A sentence on them."""
    found = sorted(costlier(tables).items(), key=lambda item: -item[1])
    if not found:
        return "In no row is Proxenos costlier than Xen by the model.\n"
    listed = ", ".join(f"`{key}` ({factor:.2f})" for key, factor in found)
    reasons = dict.fromkeys(rows.COSTLIER_THAN_XEN[key] for key, _ in found if key in rows.COSTLIER_THAN_XEN)
    said = "".join(f" {reason}." for reason in reasons)
    return f"**Rows in which Proxenos is costlier than Xen by the model**: {listed}.{said}\n"


def cycles_table(names, tables):
    """Modelled cycles of both cores: bare, Xen, Proxenos and the ratio; a row that is costlier than Xen's is marked."""
    columns = [column for column in TITLES if any(column in table_of for table_of in tables.values())]
    heads = [f"{TITLES[column]}, {core}" for core in tables for column in columns]
    lines = ["| | " + " | ".join([*heads, *(f"ratio, {core}" for core in tables)]) + " |"]
    lines.append("|---|" + "---:|" * (len(heads) + len(tables)))
    worse = costlier(tables)
    for key, title in names.items():
        values = [tables[core].get(column, {}).get(key) for core in tables for column in columns]
        if all(value is None for value in values):
            continue
        ratios = [ratio(table_of["proxenos"].get(key), table_of["xen"].get(key)) for table_of in tables.values()]
        mark = " **(costlier)**" if key in worse else ""
        lines.append(f"| {title}{mark} | " + " | ".join([*map(number, values), *ratios]) + " |")
    return "\n".join(lines) + "\n" if len(lines) > 2 else "not measured yet\n"


def events_table(names, events):
    """How often the events of a row happen, Xen beside Proxenos."""
    lines = ["| per operation: Xen / Proxenos | " + " | ".join(SHOWN) + " |", "|---|" + "---:|" * len(SHOWN)]
    for key, title in names.items():
        pair = [events[column]["rows"].get(key) for column in ("xen", "proxenos")]
        if None in pair:
            continue
        cells = []
        for wanted in SHOWN.values():
            sums = [sum(v for name, v in counts.items() if name.split(".")[1] in wanted) for counts in pair]
            cells.append(" / ".join(number(round(value, 1)) for value in sums))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n" if len(lines) > 2 else ""


def weights_table():
    """The prices, and where each is from."""
    lines = [f"| event | {' | '.join(cycles.CORES.values())} | from |", "|---|---:|---:|---|"]
    for event, (first, second, source) in cycles.WEIGHTS.items():
        lines.append(f"| {event} | {number(first)} | {number(second)} | {source} |")
    lines.append(
        f"| a fault of a deprivileged kernel, its IRET apart | {cycles.FAULT[0]} | {cycles.FAULT[1]} | estimate |"
    )
    return "\n".join(lines) + "\n"
