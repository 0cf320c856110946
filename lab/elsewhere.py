# SPDX-License-Identifier: Apache-2.0
"""Which system tests run once more on a newer emulator and with a newer kernel: the life of a guest on ours always, all on
both hypervisors in a thorough run. What a mirror does not have is skipped by the tests themselves."""

NEWER_EMULATOR, NEWER_KERNEL = "--emulator=qemu-10", "--kernel=6.12"
LIFE = "test_life.py"


def runs(cells, thorough):
    """[(group, pattern of modules, pytest's arguments)] for the cells (hypervisor, toolstack) that boot."""
    result = []
    for hypervisor in dict.fromkeys(hypervisor for hypervisor, _ in cells):
        if hypervisor == "xen" and not thorough:
            continue
        toolstacks = [toolstack for its, toolstack in cells if its == hypervisor]
        toolstack = "proxenos" if "proxenos" in toolstacks else toolstacks[0]
        # Both in one machine, in a thorough run each for itself: then a failure says which it is.
        for chosen in ([NEWER_EMULATOR], [NEWER_KERNEL]) if thorough else ([NEWER_EMULATOR, NEWER_KERNEL],):
            names = "-".join(option.partition("=")[2] for option in chosen)
            arguments = [f"--hypervisor={hypervisor}", f"--toolstack={toolstack}", *chosen]
            arguments += ["--thorough"] if thorough else []
            result.append((f"system-{hypervisor}-{names}", "test_*.py" if thorough else LIFE, arguments))
    return result
