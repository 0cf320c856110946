# SPDX-License-Identifier: Apache-2.0
"""The hypervisor's command line, by what it does: many options in each boot of a micro guest, on Proxenos and on Xen."""

import re
import subprocess
import threading

import pytest
from lab.host import patience
from test_micro import console, machine_of

CASE = "host_as_options_made_it"
USUAL = {
    "cpus": 4,
    "memory in MiB": 1023,
    "grants of version 2": 1,
    "rate limit": 1000,
    "vcpus": 4,
    "vcpu 0 is pinned": 0,
    "grant frames": 64,
    "grant version 2": 0,
    "grant version 1": 0,
    "keyboard controller answers": 1,
    "guest's text is in the ring": 0,
    "command line is in the ring": 1,
}


@pytest.fixture(name="hypervisor", scope="module")
def fixture_hypervisor(request):
    return request.config.getoption("--hypervisor")


def observations(log):
    """{name: value} that the guest told."""
    return {name: int(value) for name, value in re.findall(r"MICRO-OBSERVE (.+) (-?\d+)$", log, re.M)}


def boot(hypervisor, options, shape="", more_cases="", **more):
    """(log, observations) of one boot with four CPUs."""
    log = console(hypervisor, f"{CASE}{more_cases}", cpus=4, shape=shape, more_options=options, **more)
    assert f"MICRO-PASS {CASE}\n" in log, log[-3000:]
    return log, observations(log)


def differences(seen):
    """What is not as without options."""
    return {name: seen[name] for name, value in USUAL.items() if seen[name] != value}


def test_without_options(hypervisor):
    _, seen = boot(hypervisor, "")
    assert set(differences(seen)) <= {"memory in MiB"} and 1000 < seen["memory in MiB"] <= 1024


def test_one_boot_of_many(hypervisor):
    """Threads, grants, dom0's CPUs, ports, memory, scheduler, clock, ring, input."""
    log, seen = boot(
        hypervisor,
        "smt=off gnttab=max-ver:1 gnttab_max_frames=32 dom0_max_vcpus=3-8 dom0_vcpus_pin sched_ratelimit_us=5000 "
        "dom0_ioports_disable=0x60-0x64 console_to_ring mem=512m clocksource=pit conswitch=bx",
        shape=",sockets=1,cores=2,threads=2",
    )
    assert 490 < seen.pop("memory in MiB") <= 512
    seen["memory in MiB"] = USUAL["memory in MiB"]
    # Xen sees no threads in this model of a CPU.
    shape_seen = {} if hypervisor == "xen" else {"cpus": 2, "vcpus": 3}
    assert differences(seen) == shape_seen | {
        "grants of version 2": 0,
        "rate limit": 5000,
        "vcpu 0 is pinned": 1,
        "grant frames": 32,
        "grant version 2": -38,
        "keyboard controller answers": 0,
        "guest's text is in the ring": 1,
    }
    assert re.search(r"Platform timer is .*PIT", log)
    assert re.search(r"Serial input to Xen \(type 'CTRL-b'", log)


def test_another_boot(hypervisor):
    """The upper bounds, and the other clock; copies through grants of grants are refused."""
    log, seen = boot(
        hypervisor,
        "maxcpus=3 dom0_max_vcpus=1-2 clocksource=acpi sync_console conring_size=64k gnttab=transitive=off",
        more_cases=" transitive_grants",
    )
    assert "MICRO-FAIL transitive_grants" in log
    seen = {name: value for name, value in seen.items() if name in USUAL}
    seen["memory in MiB"] = USUAL["memory in MiB"]
    assert differences(seen) == {"cpus": 3, "vcpus": 2}
    assert re.search(r"Platform timer is .*ACPI PM", log)
    assert re.search("console (output )?is synchronous", log, re.I)
    assert "Allocated console ring of 64 KiB" in log


def test_a_single_cpu_and_other_consoles(hypervisor, tmp_path):
    """The second port and the screen instead of the first port; no other CPU; the last clock."""
    second = tmp_path / "second"
    serial = ("-serial", "mon:stdio", "-serial", f"file:{second}")
    options = "nosmp dom0_max_vcpus=2 clocksource=hpet console=com2,vga com2=115200,8n1 vga=keep"
    first = console(hypervisor, CASE, cpus=4, more_options=options, machine=serial)
    log = second.read_text(errors="replace").replace("\r", "")
    assert f"MICRO-PASS {CASE}" in log and f"MICRO-PASS {CASE}" not in first, log[-3000:]
    seen = observations(log)
    assert seen["cpus"] == 1 and seen["vcpus"] == 2 and seen["screen holds text"] == 1
    assert re.search(r"Platform timer is .*HPET", log)


def test_what_has_no_effect_is_told(hypervisor):
    """Each such option with its reason, but not where it asks for what is so anyway. Two that only our log shows."""
    if hypervisor == "xen":
        pytest.skip("by our log")
    log, _ = boot(
        hypervisor,
        "sched=credit watchdog iommu=on cet=shstk crashkernel=64M cpufreq=xen vga=gfx-800x600x16 gnttab=transfer "
        "dom0=shadow spec-ctrl=l1d-flush console=com1,ehci no-hap ept=off no-real-mode numa=off iommu=off pcid=0 "
        "spec-ctrl=eager-fpu nonsense=1 spec-ctrl=bti-thunk=lfence badpage=0x20000-0x20003,0x20010",
    )
    told = re.findall(r'parameter "([^"]+)"(?: has no effect|: | unknown)', log)
    assert told == [
        *("sched", "watchdog", "iommu", "cet", "crashkernel", "cpufreq", "vga", "gnttab", "dom0", "spec-ctrl"),
        *("console", "nonsense"),
    ]
    plain, _ = boot(hypervisor, "")
    heap = r"Heap: (\d+) kB"
    assert int(re.search(heap, plain)[1]) - int(re.search(heap, log)[1]) == 20
    assert "indirect branches by lfence" in log and "indirect branches by lfence" not in plain


def lines_of_stack(panic):
    """Of four words each."""
    return re.findall(r"^\(XEN\).*?((?: [0-9a-f]{16}){4})$", panic[panic.index("Xen stack trace from") :], re.M)


def test_panic_keeps_registers_and_stack(hypervisor):
    """One that no exception caused: registers, stack and trace are those of who gave up; then the host is reset."""
    if hypervisor == "xen":
        pytest.skip("its key is for kexec")
    log = console(hypervisor, "debug_key_crashes_the_host")
    panic = log[log.index("----[ Proxenos") :]
    assert "MICRO-FAIL" not in log
    for register in "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 cr0 cr2 cr3 cr4".split():
        assert re.search(rf"\b{register}: +[0-9a-f]{{16}}", panic), register
    names = re.findall(r"\[<[0-9a-f]{16}>\] (\S+)\+0x", panic[panic.index("Xen call trace:") :])
    assert len(names) >= 4 and "crash" in names[1] and any("sysctl" in name for name in names), names
    assert len(lines_of_stack(panic)) == 20
    assert "Reboot in five seconds" in panic and "TIMED OUT" not in log


def test_what_cannot_be_had_is_refused(hypervisor):
    """A host that would not be what was asked for does not start, as Xen's does not where there is no IOMMU."""
    log = console(hypervisor, CASE, more_options="dom0=pvh")
    assert re.search(r"Panic on CPU 0:\s+\(XEN\).*(there are no PVH guests|iommu must be enabled for PVH)", log), log[
        -3000:
    ]
    assert "Reboot in five seconds" in log


def test_panic_stays(hypervisor):
    """With `noreboot`: longer than the five seconds after which it would have been reset."""
    options = "iommu=force noreboot debug_stack_lines=3"
    command = machine_of(hypervisor, CASE, more_options=options)
    log = ""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as machine:
        watch = threading.Timer(patience(90), machine.kill)
        watch.start()
        for line in machine.stdout:
            log += line.decode(errors="replace").replace("\r", "")
            if "Manual reset required" in log:
                break
        with pytest.raises(subprocess.TimeoutExpired):
            machine.wait(7)
        watch.cancel()
        machine.kill()
    assert re.search(r"Panic on CPU 0:\s+\(XEN\).*iommu=(force|required)", log), log[-3000:]
    if hypervisor != "xen":
        assert len(lines_of_stack(log)) == 3
