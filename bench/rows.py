# SPDX-License-Identifier: Apache-2.0
"""The rows of the benchmark: what is measured, under which key, in which unit, and the bars that some have to hold."""

INSTRUCTIONS, MIB, PAGES, RATE = "instructions", "MiB", "pages", "MB per 10^9 instructions"

# What a program inside a domain pays. Measured in dom0, on bare Linux, and in guests.
OPERATIONS = {
    "null-syscall": "null system call",
    "read-zero": "read 1 byte of /dev/zero",
    "rdtsc": "rdtsc",
    "cpuid": "cpuid",
    "clock-gettime": "clock_gettime (vDSO)",
    "signal-install": "signal, install",
    "signal-deliver": "signal, deliver",
    "sched-yield": "sched_yield",
    "pipe": "pipe round trip, 1 CPU",
    "fork-exit": "fork + exit",
    "fork-exit-8M": "fork + exit, 8 MiB mapped",
    "fork-exec": "fork + exec",
    "touch-page": "touch a page (mmap 4 MiB)",
    "cow-page": "copy-on-write page",
    "mprotect-64": "mprotect of 64 pages, twice",
    "sigsegv": "mprotect + SIGSEGV + mprotect",
    "nanosleep": "nanosleep 1 us",
    "futex": "futex round trip, 1 CPU",
}

# What dom0's user space pays for the hypervisor's primitives.
PRIMITIVES = {
    "hypercall": "xen_version hypercall (net of the ioctl)",
    "hypercall-unknown": "unknown hypercall (net of the ioctl)",
    "ioctl": "the ioctl itself",
    "event": "event channel to itself, with read and unmask",
    "grant-map": "grant map + touch + unmap",
    "xenstore-ring": "xenstore read, ring",
    "xenstore-socket": "xenstore read, socket",
    "exec": "fork + exec of a small program",
    "xl-list": "`xl list`",
}

BOOT = {
    "boot-line": "first line of the hypervisor",
    "boot-building": '"Building a PV Dom0"',
    "boot-kernel": "dom0's kernel counts time",
    "boot-user": "dom0's first program",
    "boot-ready": "toolstack up, commands taken",
}

LIFE = {
    "create-256": "create paused, 256 MiB, unpacked kernel",
    "create-1024": "create paused, 1 GiB, unpacked kernel",
    "create-xz-first": "create paused, 256 MiB, Debian's vmlinuz (xz), the first time",
    "create-xz": "create paused, 256 MiB, Debian's vmlinuz (xz), again",
    "unpack-xz": "the decompressor alone, on that vmlinuz",
    "destroy-256": "destroy, 256 MiB",
    "destroy-1024": "destroy, 1 GiB",
    "save": "save, 256 MiB, second time",
    "restore": "restore, 256 MiB",
}

# Our own toolstack beside 128 paused domains of 16 MiB.
SCALE = {
    "scale-create-1": "create the first",
    "scale-create-64": "create the 64th",
    "scale-create-128": "create the 128th",
    "scale-growth": "what each domain adds to the creation of the next",
    "scale-destroy-1": "destroy the only one",
    "scale-destroy-128": "destroy one of 128",
    "scale-list": "`xl list` of 129 domains",
    "scale-read": "`xenstore-read`, with fork and exec",
}

MEMORY = {
    "memory-hypervisor": ("the hypervisor itself, machine of 3 GiB", MIB),
    "image": ("its image in memory, unpacked", MIB),
    "pages-256": ("per PV domain of 256 MiB, beyond its own", PAGES),
    "pages-1024": ("per PV domain of 1 GiB, beyond its own", PAGES),
    "pages-leaked": ("left over after creating and destroying", PAGES),
}

INPUT_OUTPUT = {
    "block-sequential": ("block, sequential 64 KiB", RATE),
    "block-random": ("block, random 4 KiB, per operation", INSTRUCTIONS),
    "tcp": ("TCP, 64 KiB writes", RATE),
    "udp": ("UDP round trip, 56 bytes", INSTRUCTIONS),
    "tcp-in": ("TCP from dom0, 64 KiB writes", RATE),
    "udp-in": ("UDP round trip from dom0, 56 bytes", INSTRUCTIONS),
}

# (key, sentence, limit, or the factor of Xen's value)
BARS = [
    ("null-syscall", "null system call of a PV domain, native TSC", 800, None),
    ("hypercall", "empty hypercall, net of the ioctl", 200, None),
    ("memory-hypervisor", "hypervisor's memory at 3 GiB, MiB", 26, None),
    ("image", "image unpacked, MiB", 1.2, None),
    ("boot-building", 'reset to "Building a PV Dom0", of Xen\'s', None, 1 / 3),
]

# Promises of our own toolstack, against Debian's on the same hypervisor: (key, sentence, limit, or factor of Debian's).
TOOL_BARS = [
    ("xl-list", "`xl list`", 4e6, None),
    ("create-256", "create paused, 256 MiB, unpacked kernel", 90e6, None),
    ("create-xz", "create paused, 256 MiB, Debian's vmlinuz, from the cache", 150e6, None),
    ("over-unpack", "... for the first time, over the decompressor alone, %", 10, None),
    ("scale-growth", "what each domain adds to the creation of the next", 20e3, None),
    ("destroy-256", "destroy, 256 MiB, of Debian's", None, 1 / 2),
    ("xenstore-socket", "xenstore read by socket", 60e3, None),
]

# Rows that cost more than on Xen by modelled cycles (bench/cycles.py), each with the reason; no other may.
USER_PAGES = (
    "Xen makes the pages of guests' programs global: their translations survive the two loads of CR3 of a system call, "
    "which on Proxenos drop them"
)
COSTLIER_THAN_XEN = {
    "event": USER_PAGES,
    "ioctl": USER_PAGES,
    **{
        f"{prefix}{name}": USER_PAGES
        for prefix in ("", "pvn/")
        for name in ("null-syscall", "read-zero", "sched-yield", "signal-deliver", "signal-install")
    },
}
MOST_COSTLIER = 1.11  # the factor that none of them may pass
