# SPDX-License-Identifier: Apache-2.0
"""Writes docs/compatibility.md: every operation of abi/ with its state (lab/compatibility.txt) and the micro guests that use it.

python3 -m lab.compatibility writes the page; with --check it only says whether the page is as it would be written.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/compatibility.md"
FAMILIES = {  # enumeration: the hypercall's name
    "Hypercall": "Hypercalls",
    "MemoryOp": "memory_op",
    "MmuextCommand": "mmuext_op",
    "GrantTableOp": "grant_table_op",
    "EventChannelOp": "event_channel_op",
    "SchedOp": "sched_op",
    "VcpuOp": "vcpu_op",
    "CallbackOp": "callback_op",
    "VersionOp": "xen_version",
    "PhysdevOp": "physdev_op",
    "PlatformOp": "platform_op",
    "SysctlCommand": "sysctl",
    "DomctlCommand": "domctl",
}
CALLERS = {  # who may make the hypercalls of which rows
    "hypervisor/hypercall/common_rows.hpp": "every guest",
    "hypervisor/x86/hypercall/rows.hpp": "every guest on x86",
    "hypervisor/x86/pv/hypercall_rows.hpp": "paravirtual guests",
}
ROW = re.compile(r'\{abi::Hypercall::(\w+),\s*"(\w+)",\s*\w+(,\s*Restarts::Maybe)?\}')
OF_HYPERVISOR = {"ResetCont", "SoftResetCont"}  # continuations: no guest's to call


def operations(family):
    """[(name, number)] of an enumeration in abi/."""
    for header in sorted((ROOT / "abi").glob("*.hpp")):
        match = re.search(rf"enum class {family} [^{{]*{{(.*?)}};", header.read_text(), re.S)
        if match:
            found = re.findall(r"^\s*(\w+)\s*=\s*(\d+)|(?<=,)\s*(\w+)\s*=\s*(\d+)", match.group(1), re.M)
            return [(a or c, int(b or d)) for a, b, c, d in found if (a or c) not in OF_HYPERVISOR]
    raise SystemExit(f"abi/ has no enum {family}")


def read_data():
    """The data file: (states, features, classes)."""
    states, features, classes = {}, [], []
    for line in (ROOT / "lab/compatibility.txt").read_text().splitlines():
        if line.startswith("feature: "):
            features.append(line[9:])
        elif line.startswith("class: "):
            text, cases = line[7:].split(" | ")
            classes.append((text, cases.split()))
        elif line and not line.startswith("#"):
            name, state = line.split(maxsplit=1)
            states[name] = state.strip()
    return states, features, classes


def pieces(file, helpers):
    """Yields (text, {operation}) of each function and case of a file: what it names itself or by a helper before it."""
    operation = re.compile(r"\b([A-Z]\w+)::(\w+)")
    for piece in re.split(r"^(?=MICRO_CASE)|^(?=\w[\w<>:*&\[\] ]*\b\w+\([^;]*\) {)", file.read_text(), flags=re.M):
        named = {f"{a}.{b}" for a, b in operation.findall(piece)}
        for helper, theirs in helpers.items():
            if re.search(rf"\b{helper}(<[\w:]+>)?\(|\b{helper} \w+[;({{]", piece):  # a call, or an object of that type
                named |= theirs
        if not piece.startswith("MICRO_CASE"):
            if found := re.match(r"[\w<>:*&\[\] ]+?\b(\w+)\(", piece):
                helpers[found[1]] = named
        yield piece, named


def micro_cases():
    """{operation: [case]} and all names of cases. Helpers are those of the case's file and those that several share."""
    uses, names, shared = defaultdict(list), set(), {}
    for subject in ("grants", "domains", "second"):  # not main.cpp, which makes the calls that every case needs
        for _ in pieces(ROOT / f"tests/guests/lib/{subject}.cpp", shared):
            pass
    for file in sorted((ROOT / "tests/guests/cases").glob("*.cpp")):
        for piece, named in pieces(file, dict(shared)):
            if case := re.match(r"MICRO_CASE(?:_ALONE)?\((\w+)\)", piece):
                names.add(case[1])
                for name in named:
                    uses[name].append(case[1])
    return uses, names


def hypercall_name(name):
    """MmuUpdate is mmu_update."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def hypercall_rows(states):
    """{name: (who may call, whether it may be made again)} of the hypervisor's tables; stops when a state does not fit."""
    rows = {}
    for file, who in CALLERS.items():
        for name, text, restarts in ROW.findall((ROOT / file).read_text()):
            if text != hypercall_name(name):
                raise SystemExit(f"{file} calls {hypercall_name(name)} {text}")
            rows[name] = (who, "yes" if restarts else "no")
    for name, _ in operations("Hypercall"):
        state = states.get(f"Hypercall.{name}") or states["Hypercall.*"]
        if (name in rows) == state.startswith("missing: -ENOSYS"):
            raise SystemExit(f"lab/compatibility.txt says of {name}: {state}; the hypervisor's tables say otherwise")
    return rows


def tables(states, uses):
    """The tables of all families; stops when an operation has no state or a state no operation."""
    known = {f"{family}.{name}" for family in FAMILIES for name, _ in operations(family)}
    unknown = [name for name in states if not name.endswith(".*") and name not in known]
    if unknown:
        raise SystemExit(f"lab/compatibility.txt names what abi/ does not have: {unknown}")
    for family, title in FAMILIES.items():
        rows = hypercall_rows(states) if family == "Hypercall" else None
        columns = ["number", "operation", *(["callers", "made again"] if rows else []), "state", "micro guests"]
        yield f"\n## {title}\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n"
        for name, number in operations(family):
            state = states.get(f"{family}.{name}") or states.get(f"{family}.*")
            if not state:
                raise SystemExit(f"lab/compatibility.txt has no state for {family}.{name}")
            cases = uses.get(f"{family}.{name}", [])
            more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
            calls = "".join(f"{cell} | " for cell in rows.get(name, ("nobody", ""))) if rows else ""
            yield f"| {number} | {hypercall_name(name)} | {calls}{state} | {', '.join(cases[:3])}{more} |\n"


def page():
    """The text of docs/compatibility.md."""
    states, features, classes = read_data()
    uses, names = micro_cases()
    text = (
        "# Compatibility with Xen 4.17\n\n"
        "Made by `python3 -m lab.compatibility` from abi/, lab/compatibility.txt and tests/guests/cases; not to be edited.\n\n"
        "*done*: as in Xen for 64-bit paravirtual guests and their tools. *partly*: what follows works, the rest is refused.\n"
        "*missing*: refused with the errno that follows. The last column names micro guests that use the operation (each has the\n"
        "same verdict on Xen); operations without one are covered by the system tests with real kernels and tools, or not at all.\n"
        "A call that is *made again* may stop when something else is pending, and go on when the guest's CPU comes back to it.\n"
    )
    text += "".join(tables(states, uses))
    text += "\n## Features that are missing\n\n" + "".join(f"- {feature}\n" for feature in features)
    text += "\n## Classes of Xen's advisories\n\n| mistake | micro guests |\n| --- | --- |\n"
    for what, cases in classes:
        absent = [case for case in cases if case not in names]
        if absent:
            raise SystemExit(f"lab/compatibility.txt names cases that do not exist: {absent}")
        text += f"| {what} | {', '.join(cases)} |\n"
    return text


def main():
    """Write the page, or compare it."""
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif not PAGE.is_file() or PAGE.read_text() != page():
        raise SystemExit("docs/compatibility.md is not what python3 -m lab.compatibility writes")


if __name__ == "__main__":
    main()
