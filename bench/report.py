# SPDX-License-Identifier: Apache-2.0
"""Turns the results into docs/performance.md."""

from bench import modelled, rows
from bench.figures import number, ratio

HEAD = """# Performance

Written by `bench/run.py` from `bench/results.json`; do not edit by hand.

Everything here is an instruction count, not a time: the machine runs in QEMU with `-icount shift=0,sleep=off` on one CPU,
where one tick of the TSC is one executed instruction and skipped idle time. The numbers are path lengths, the same on
every run and on every host. Waiting counts as time; what the emulator does inside one instruction (a TLB flush, a page
walk) counts as one, and so do cache misses: this tells which path is longer, not which machine is faster. So there is a second
column, modelled cycles, at the end of this page: the same rows with a price on what processors take long for. The kernel is
the same Debian 6.1 in all columns, with the same image and, but for the last column, Debian's own toolstack. Xen is
Debian's 4.17 started with `spec-ctrl=eager-fpu`, which the emulator needs. Both have `bootscrub=0`: Xen never clears the
memory it found at boot, Proxenos does before a guest first gets it, at 512 instructions for each page; the life of a domain
is measured after a large guest has come and gone. What a domain leaves behind, idle CPUs clear on both. The ratio is
Proxenos to Xen: below 1 is shorter.
"""


def table(names, columns, ours, theirs):
    """A table of rows {key: title}; columns is [(title, {key: value})]; the ratio is of two of these."""
    lines = ["| | " + " | ".join(title for title, _ in columns) + " | ratio |", "|---|" + "---:|" * (len(columns) + 1)]
    for key, title in names.items():
        values = [values.get(key) for _, values in columns]
        if all(value is None for value in values):
            continue
        cells = " | ".join(number(value) for value in values)
        lines.append(f"| {title} | {cells} | {ratio(ours.get(key), theirs.get(key))} |")
    return "\n".join(lines) + "\n" if len(lines) > 2 else "not measured yet\n"


def titles(described):
    """{key: title with unit}."""
    return {key: f"{title} ({unit})" for key, (title, unit) in described.items()}


def inside(values, prefix):
    """The rows of one kind of guest."""
    return {key.removeprefix(prefix + "/"): value for key, value in values.items() if key.startswith(prefix + "/")}


def bars(promises, names, reference, measured):
    """A table of promises: names are those of the reference and of what has to keep them."""
    lines = [f"| promise | at most | {names[0]} | {names[1]} | holds |", "|---|---:|---:|---:|---|"]
    for key, title, limit, factor in promises:
        value, theirs = measured.get(key), reference.get(key)
        limit = theirs * factor if factor and theirs else limit
        holds = "not measured" if value is None or limit is None else "yes" if value <= limit else "no"
        lines.append(f"| {title} | {number(limit)} | {number(theirs)} | {number(value)} | {holds} |")
    return "\n".join(lines) + "\n"


def longer(xen, proxenos):
    """The rows in which we take longer than Xen, worst first."""
    found = []
    higher_is_better = {key for key, (_, unit) in rows.INPUT_OUTPUT.items() if unit == rows.RATE}
    for key, value in proxenos.items():
        theirs = xen.get(key)
        name = key.split("/")[-1]
        if not theirs or name in ("pages-leaked",):
            continue
        factor = theirs / value if name in higher_is_better and value else value / theirs
        if factor > 1.005:
            found.append((factor, key))
    if not found:
        return "In no row does Proxenos take more than Xen.\n"
    return (
        "Rows in which Proxenos takes more than Xen: "
        + ", ".join(f"`{key}` ({factor:.2f})" for factor, key in sorted(found, reverse=True))
        + ".\n"
    )


def text(results):
    """The whole document."""
    bare, xen, ours = (results.get(name, {}) for name in ("none", "xen", "proxenos"))
    tools = results.get("proxenos-tools", {})
    three = [("bare Linux", bare), ("Xen", xen), ("Proxenos", ours)]
    two = three[1:]
    both = [*two, ("Proxenos, own toolstack", tools)]
    guests = rows.OPERATIONS
    parts = [
        HEAD,
        "## Promises\n",
        bars(rows.BARS, ("Xen", "Proxenos"), xen, ours),
        longer(xen, ours),
        bars(rows.TOOL_BARS, ("Debian's tools", "own toolstack"), ours, tools),
        "## Programs in dom0\n",
        table(rows.OPERATIONS, three, ours, xen),
    ]
    for prefix, title, note in (
        ("pv", "Programs in a PV guest, default TSC mode", ""),
        ("pvn", 'Programs in a PV guest, `tsc_mode="native"`', ""),
    ):
        pair = [(name, inside(values, prefix)) for name, values in two]
        parts += [f"## {title}\n", note + table(guests, pair, pair[1][1], pair[0][1])]
    parts += [
        "## Primitives, from dom0's user space\n",
        table(rows.PRIMITIVES, both, ours, xen),
        "## Life of a domain\n",
        table(rows.LIFE, both, ours, xen),
        "## Many domains\n",
        scale_table(tools),
        "## Boot, instructions from reset\n",
        table(rows.BOOT, three, ours, xen),
        "## Memory\n",
        table(titles(rows.MEMORY), two, ours, xen),
        "## Input and output\n",
        io_table(results),
        *modelled.parts(results.get("events", {})),
    ]
    return "\n".join(parts)


def scale_table(tools):
    """Rows of our own toolstack alone."""
    lines = ["| | Proxenos, own toolstack |", "|---|---:|"]
    lines += [f"| {title} | {number(tools.get(key))} |" for key, title in rows.SCALE.items()]
    return "\n".join(lines) + "\n"


def io_table(results):
    """Block and network rows: dom0 on three columns, then guests."""
    described = titles(rows.INPUT_OUTPUT)
    names = {**described, **{f"pv/{key}": f"PV guest: {title}" for key, title in described.items()}}
    columns = [
        (title, results.get(name, {}))
        for title, name in (("bare Linux", "none"), ("Xen", "xen"), ("Proxenos", "proxenos"))
    ]
    return table(names, columns, columns[2][1], columns[1][1])
