# SPDX-License-Identifier: Apache-2.0
"""The ./run command: install, build, boot, and either a shell in dom0 or one command there."""

import argparse
import shlex
import signal
import sys
from pathlib import Path

from lab import build, emulators, host, packages
from lab.settings import DOORS, EMULATORS, HYPERVISORS, KERNELS, NICS, TOOLSTACKS, Settings


def parser():
    """The command line."""
    result = argparse.ArgumentParser(
        prog="./run",
        description="Boot the whole system in QEMU: to dom0's shell with a demo guest running "
        "(end it with 'poweroff', or Ctrl-t x), or for one COMMAND, whose output and exit status become this command's.",
        epilog="One COMMAND word is a shell line; several are one program and its arguments. "
        "Serial logs are in build/logs/.",
    )
    add = result.add_argument
    add(
        "--hypervisor",
        default="proxenos",
        metavar="|".join(HYPERVISORS),
        help="ours (default), Debian's Xen 4.17, bare Linux, or the path of an image",
    )
    add(
        "--toolstack",
        default="proxenos",
        choices=TOOLSTACKS,
        help="dom0's tools: ours (default), or Debian's xen-utils",
    )
    add("--cpus", type=int, default=1, metavar="N", help="host CPUs (default 1)")
    add("--memory", type=int, default=3072, metavar="MIB", help="host memory (default 3072)")
    add("--dom0-memory", type=int, default=768, metavar="MIB", help="dom0's memory (default 768)")
    add("--disk", action="append", default=[], metavar="[virtio:|ahci:]FILE", help="a further disk; repeatable")
    add(
        "--nic",
        action="append",
        default=[],
        metavar="|".join([*NICS, "none"]),
        help="network cards, the first behind xenbr0 (default: one virtio); repeatable",
    )
    add("--door", default="kernel", choices=DOORS, help="how the hypervisor is booted (default: QEMU's own loader)")
    add("--hypervisor-args", default="", metavar="ARGS", help="added to the hypervisor's command line")
    add("--kernel-args", default="", metavar="ARGS", help="added to dom0's command line")
    add(
        "--micro-guest", default="", metavar="FILE", help="start this paravirtual ELF as dom0 and print the serial line"
    )
    add(
        "--emulator",
        "--machine",
        default="qemu",
        metavar="|".join(EMULATORS),
        help="the system's (default: qemu) or a newer one beside it; bochs has an Intel CPU, for micro guests only",
    )
    add("--kernel", default="6.1", metavar="|".join(KERNELS), help="Linux in dom0 and for guests (default 6.1)")
    add("--device-model", action="store_true", help="QEMU in dom0, for guests with qcow2 disks")
    add("--icount", action="store_true", help="deterministic: virtual time is executed instructions (one CPU)")
    add("--gdb", type=int, nargs="?", const=1234, default=0, metavar="PORT", help="wait for gdb on PORT (1234)")
    add(
        "--timeout",
        type=float,
        default=0,
        metavar="SECONDS",
        help="end after this long (default: none for a shell, 600 for a command, 60 for a micro guest, 240 in Bochs)",
    )
    add(
        "--demo",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="the demo guest (default: with the shell only)",
    )
    add(
        "--template",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on from a machine that was booted before, or boot one for later (default); --no-template: boot",
    )
    add(
        "--list-templates", "--template-list", action="store_true", help="show what is kept of booted machines, and end"
    )
    add(
        "--clear-templates",
        "--template-clear",
        action="store_true",
        help="remove what is kept, but what machines run from, and end",
    )
    add("--no-build", action="store_true", help="use what is built already")
    add("command", nargs="*", metavar="-- COMMAND", help="run this in dom0")
    return result


def needed(options):
    """The build's targets that the machine runs."""
    targets = [build.HYPERVISOR] if options.hypervisor == "proxenos" else []
    if options.micro_guest:
        ours = Path(options.micro_guest).resolve().is_relative_to(host.BUILD / "guests")
        return [*targets, build.MICRO_GUESTS] if ours else targets
    if options.toolstack == "proxenos" and options.hypervisor != "none":
        targets.append(build.TOOLSTACK)
    return targets


def settings(options):
    """The machine that the options describe, checked."""
    interactive = not options.command and not options.micro_guest
    demo = options.demo if options.demo is not None else interactive
    return Settings(
        hypervisor=options.hypervisor,
        toolstack=options.toolstack,
        cpus=options.cpus,
        memory=options.memory,
        dom0_memory=options.dom0_memory,
        disks=options.disk,
        nics=options.nic or ["virtio"],
        door=options.door,
        hypervisor_args=options.hypervisor_args,
        kernel_args=options.kernel_args,
        micro_guest=options.micro_guest,
        emulator=options.emulator,
        kernel=options.kernel,
        device_model=options.device_model,
        icount=options.icount,
        gdb=options.gdb,
        demo=demo and options.hypervisor != "none",
        name="run",
        unpacked_kernel=options.door == "kernel",
        boot=not options.template,
    ).check()


def run_command(machine, words, timeout):
    """One command in dom0: its streams to ours as they come, its status as the result."""
    line = words[0] if len(words) == 1 else shlex.join(words)
    signal.signal(signal.SIGALRM, lambda *_: _late(timeout))
    signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        machine.start()
        host.say("dom0 is ready")
        streams = {"out": sys.stdout.buffer, "err": sys.stderr.buffer}
        for kind, value in machine.stream(line, timeout, exact=True):
            if kind == "end":
                return value
            streams[kind].write(value)
            streams[kind].flush()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        machine.stop()
    return 1


def _late(timeout):
    raise host.LabError(f"no end of the command within {timeout:g} s")


def run_micro_guest(options, machine_settings):
    """A micro guest: its serial line to standard output. 0 when the machine ended by itself."""
    from lab.machine import run_micro

    fields = {
        name: getattr(machine_settings, name) for name in machine_settings.__dataclass_fields__ if name != "micro_guest"
    }
    timeout = options.timeout or (240 if emulators.family(options.emulator) == "bochs" else 60)
    ended, status, text = run_micro(options.micro_guest, timeout, **fields)
    sys.stdout.write(text)
    if not ended:
        raise host.LabError(f"the micro guest did not end within {timeout:g} s")
    return status


def templates_command(options):
    """--list-templates and --clear-templates."""
    from lab import templates

    if options.clear_templates:
        removed, kept = templates.clear()
        print(f"{removed} removed" + (f", {kept} in use and kept" if kept else ""))
        return 0
    rows = templates.listing()
    for name, words, mib, age, used in rows:
        print(f"{name}  {mib:5} MiB  {'in use' if used else _ago(age):12}  ./run {words}")
    total = sum(row[2] for row in rows)
    print(
        f"{len(rows)} of at most {templates.MOST}, {total} of at most {templates.MOST_MIB} MiB, in {templates.FOLDER}"
    )
    return 0


def _ago(seconds):
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def main(arguments=None):
    """Entry of ./run."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: the machine's folder goes with it
    try:
        if options.list_templates or options.clear_templates:
            return templates_command(options)
        targets = needed(options)
        if build.MICRO_GUESTS in targets and not options.no_build:  # a file that may be there only afterwards
            packages.install()
            build.build(targets)
        machine_settings = settings(options)
        packages.install()
        from lab.machine import Machine  # needs pexpect, which may have been installed just now

        if targets and not options.no_build:
            build.build(targets)
        if options.micro_guest:
            return run_micro_guest(options, machine_settings)
        machine = Machine(machine_settings)
        if options.command:
            return run_command(machine, options.command, options.timeout or 600)
        host.say("leave with 'poweroff' in dom0, or Ctrl-t x")
        return machine.interact(options.timeout or None)
    except host.LabError as error:
        print(f"run: {error}", file=sys.stderr)
        return 125
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
