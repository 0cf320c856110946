# SPDX-License-Identifier: Apache-2.0
"""A model of what a row costs on a processor, from the instructions that were counted: cycles = instructions x CPI + events x
weights. It is a model, not a measurement: it puts a price on what an emulator does for nothing, so that two hypervisors can be
compared in it; it knows nothing of caches, of branch prediction, nor of how an event overlaps with what stands around it."""

CORES = {"golden-cove": "Intel Golden Cove", "zen-4": "AMD Zen 4"}

# Kernels and hypervisors retire one to two instructions in a cycle when nothing costly happens.
INSTRUCTION = (0.7, 0.7)

AGNER = "order of magnitude of Agner Fog's instruction tables (2022) and of uops.info"
ESTIMATE = "estimate; no table has it"
# Event: (cycles on Golden Cove, on Zen 4, where from).
WEIGHTS = {
    "mov-cr3": (
        150,
        150,
        'Linux, Documentation/arch/x86/pti.rst: "on the order of a hundred cycles", without what is refilled',
    ),
    "mov-cr3-kept": (150, 150, "as above"),
    "mov-cr": (100, 100, "estimate: serialising, as above"),
    "mov-dr": (100, 100, "estimate: serialising"),
    "invlpg": (200, 200, "estimate: serialising; Amit et al., EuroSys 2020, have hundreds"),
    "invpcid": (300, 300, "estimate, from INVLPG"),
    "wrmsr-base": (100, 100, "estimate: the part of a serialising WRMSR that these registers keep"),
    "wrmsr": (150, 150, "estimate: serialising; 144 measured for a register on a Core i7"),
    "rdmsr": (60, 60, ESTIMATE),
    "wr-base": (20, 20, ESTIMATE),
    "swapgs": (20, 20, ESTIMATE),
    "segment": (20, 20, AGNER),
    "iret": (300, 300, "estimate: with the gate's entry that it returns from, of which nothing is seen otherwise"),
    "sysret": (50, 50, ESTIMATE),
    "syscall": (70, 70, ESTIMATE),
    "int": (0, 0, "in IRET"),
    "cpuid": (120, 120, AGNER),
    "rdtsc": (25, 40, AGNER),
    "vmrun": (
        1000,
        1350,
        "with its exit: Agesen et al., USENIX ATC 2012, Sandy Bridge 784; LKML 2020-12 (Roth), AMD 1350",
    ),
    "vmload": (80, 80, ESTIMATE),
    "vmsave": (80, 80, ESTIMATE),
    "vmmcall": (0, 0, "in VMRUN"),
    "gif": (60, 60, ESTIMATE),
    "hlt": (0, 0, "idle time is nobody's cost"),
    "pause": (140, 65, AGNER),
    "lock": (19, 8, "uops.info, LOCK CMPXCHG on Alder Lake-P: 19; Agner Fog, Zen 4"),
    "fence": (30, 10, AGNER),
    "verw": (30, 30, "estimate: neither core is one whose buffers it clears"),
    "io": (1000, 1000, "estimate: a port behind the chipset takes a fraction of a microsecond"),
    "xsave": (100, 100, AGNER),
    "xrstor": (100, 100, AGNER),
    "wbinvd": (100000, 100000, ESTIMATE),
}
# A fault that the hypervisor takes because a deprivileged kernel executed what it may not; the IRET back is counted by itself.
FAULT = (200, 200)
PRIVILEGED = {
    "mov-cr3",
    "mov-cr3-kept",
    "mov-cr",
    "mov-dr",
    "invlpg",
    "invpcid",
    "wrmsr-base",
    "wrmsr",
    "rdmsr",
    "swapgs",
    "sysret",
    "hlt",
    "io",
    "wbinvd",
}
# What a flush costs later: translations that are used again soon, times a walk whose tables are in the second-level cache.
WALK = (25, 25)
WORKING_SET = {"user": 8, "kernel": 12, "hypervisor": 6}  # pages; assumed, the same for each system


def flush_cost(core, kept):
    """Cycles to refill what a load of CR3 dropped; `kept` is {region: whether its translations survive}."""
    return WALK[core] * sum(
        pages for region, pages in WORKING_SET.items() if not kept.get(region, False) and region in kept
    )


def cycles(counts, kept, core, deprivileged):
    """Modelled cycles of a row. `counts` is {region.event: number}, `core` the place in CORES, `deprivileged` whether kernels
    run without privilege, above a hypervisor."""
    total = 0.0
    for name, number in counts.items():
        region, event = name.split(".")
        if event == "instructions":
            total += number * INSTRUCTION[core]
        elif event in PRIVILEGED and (region == "user" or (region == "kernel" and deprivileged)):
            total += number * FAULT[core]
        else:
            total += number * WEIGHTS[event][core]
            total += number * flush_cost(core, kept) if event == "mov-cr3" else 0
    return total


def table(events, core):
    """{column: {row: cycles}} from what results.json has under "events"."""
    return {
        column: {row: cycles(counts, found["survive"], core, column != "none") for row, counts in found["rows"].items()}
        for column, found in events.items()
    }
