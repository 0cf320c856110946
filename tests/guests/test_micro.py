# SPDX-License-Identifier: Apache-2.0
"""Runs the micro guests as dom0 and gives each case a verdict. The same verdicts are wanted on Proxenos and on Xen."""

import json
import re
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

from lab import emulators, images
from lab.host import BUILD, LOGS, patience

HERE = Path(__file__).parent
GUEST = BUILD / "guests/micro.elf"
CASES = sorted(
    name
    for file in sorted((HERE / "cases").glob("*.cpp"))
    for name in re.findall(r"^MICRO_CASE\((\w+)\)", file.read_text(), re.M)
)
# What the log says when the case has ended its guest.
ENDINGS = {
    "crash_without_handler": r"Domain 0 .*crashed",
    "crash_by_bad_stack": r"Domain 0 .*crashed",
    "crash_by_iret_to_hypervisor": r"Domain 0 .*crashed|MICRO-FAIL unexpected trap d",
    **{
        f"crash_by_{way}": r"Domain 0 .*crashed|MICRO-FAIL unexpected trap"
        for way in ("sysret_not_canonical", "iret_not_canonical", "iret_selectors", "iret_null_selectors")
    },
    "contexts_of_vcpus_are_judged": r"MICRO-PASS contexts_of_vcpus_are_judged",
    "reboot": r"rebooting machine",
}


def machine_of(hypervisor, words, cpus=2, cpu="", more_options="", emulator="qemu", guest=GUEST, shape="", machine=()):
    """The command that runs these cases. `shape`: of the CPUs, for -smp; `machine`: more of QEMU's words."""
    options = (
        f"console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all dom0_mem=256M,max:256M bootscrub=0 {more_options}"
    )
    if hypervisor == "xen":
        options += " spec-ctrl=eager-fpu"
    program = emulators.find(emulator)
    return [
        *program.words,
        "-accel",
        "tcg,thread=multi" if cpus > 1 else "tcg",
        "-machine",
        "q35",
        "-cpu",
        cpu or program.cpu,
        "-smp",
        f"{cpus}{shape}",
        "-m",
        "1G",
        "-nographic",
        "-no-reboot",
        "-nic",
        "none",
        "-kernel",
        str(images.hypervisor(hypervisor)),
        "-append",
        options,
        "-initrd",
        f"{guest} {words}",
        *machine,
    ]


@lru_cache
def console(hypervisor, words, cpus=2, timeout=90, emulator="qemu", **more):
    """What COM1 said while the guest ran these cases."""
    command = machine_of(hypervisor, words, cpus, emulator=emulator, **more)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience(timeout), check=False
        )
        text = done.stdout
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"") + b"\nTIMED OUT\n"
    LOGS.mkdir(parents=True, exist_ok=True)
    (
        LOGS / f"micro-{emulator}-{Path(hypervisor).parent.name}{Path(hypervisor).name}-{cpus}-{words.split()[0]}.log"
    ).write_bytes(text)
    return text.decode(errors="replace").replace("\r", "")


@pytest.fixture(name="hypervisor", scope="session")
def fixture_hypervisor(request):
    return request.config.getoption("--hypervisor")


@pytest.fixture(autouse=True)
def fixture_fresh_log_for_a_second_try(request):
    """A test that is run again is judged by another run of the guest."""
    if getattr(request.node, "execution_count", 1) > 1:
        console.cache_clear()


def said_of(case, log):
    """The lines between a case's start and its verdict."""
    match = re.search(rf"MICRO {case} \.\.\.\n(.*?MICRO-(?:PASS|FAIL)[^\n]*)", log, re.S)
    return match.group(1) if match else f"no verdict; the log ends:\n{log[-1500:]}"


@pytest.mark.parametrize("case", CASES)
def test_case(case, hypervisor):
    """One promise of the ABI, or one attack that must fail."""
    log = console(hypervisor, "all")
    assert f"MICRO-PASS {case}\n" in log, said_of(case, log)


def test_all_cases_ran_to_the_end(hypervisor):
    log = console(hypervisor, "all")
    assert "MICRO-END" in log, log[-1500:]


def test_on_one_cpu(hypervisor):
    log = console(hypervisor, "all", cpus=1)
    assert "MICRO-END" in log and "MICRO-FAIL" not in log, "\n".join(re.findall(r"MICRO-(?:FAIL|CHECK).*", log))


def test_on_eight_cpus(hypervisor):
    """Two of them race for the vCPUs of the others."""
    case = "race_to_initialise"
    log = console(hypervisor, case, cpus=8)
    assert f"MICRO-PASS {case}\n" in log, said_of(case, log)


def test_with_rdtscp(hypervisor):
    """The lab hides RDTSCP for the sake of HVM guests; with it, TSC_AUX is each vCPU's own."""
    case = "tsc_aux_is_the_vcpus_own"
    log = console(hypervisor, case, cpu="max,-smap")
    assert f"MICRO-PASS {case}\n" in log and "MICRO-NOTE with rdtscp" in log, said_of(case, log)


@pytest.mark.parametrize("case", ["one_vector_for_each_msi", "configuration_in_memory", "tables_of_messages"])
def test_on_devices(case, hypervisor):
    """What dom0 may write of a device's configuration and of its messages; as on Xen without interrupt remapping."""
    devices = ("-device", "ioh3420,bus=pcie.0,addr=5,chassis=1", "-device", "e1000e,bus=pcie.0,addr=6")
    log = console(hypervisor, case, machine=devices)
    assert f"MICRO-PASS {case}\n" in log, said_of(case, log)


@pytest.mark.parametrize("off", ["off", "hvm"])
def test_cpu_features_are_left_alone(hypervisor, off):
    """smep= and smap= are for the hypervisor itself, xsave= for guests as well."""
    case = "extended_state_as_offered"
    with_xsave = console(hypervisor, case)
    without = console(hypervisor, case, more_options=f"smep={off} smap={off} xsave=off")
    for log, has in ((with_xsave, "1"), (without, "0")):
        assert f"MICRO-PASS {case}\n" in log, said_of(case, log)
        assert f"MICRO-OBSERVE xsave is offered {has}" in log
    if hypervisor != "xen":
        used = [re.search("CPU features in use:(.*)", log).group(1).split() for log in (with_xsave, without)]
        assert {"SMEP", "XSAVE"} <= set(used[0]) and not {"SMEP", "SMAP", "XSAVE"} & set(used[1])


def test_observations_are_those_of_xen(hypervisor):
    """Answers without a right or wrong of their own are those that Xen 4.17 gave (observed.json)."""
    seen = dict(re.findall(r"MICRO-OBSERVE (.+) (-?\d+)$", console(hypervisor, "all"), re.M))
    wanted = json.loads((HERE / "observed.json").read_text())
    unlike = {
        name: (seen.get(name), wanted.get(name)) for name in {*seen, *wanted} if seen.get(name) != wanted.get(name)
    }
    assert not unlike, "(seen, wanted)"


@pytest.mark.parametrize("case", sorted(ENDINGS))
def test_ending(case, hypervisor):
    """A guest that ends badly is contained and reported; the hypervisor goes on (here: to its reboot)."""
    log = console(hypervisor, case)
    assert re.search(ENDINGS[case], log), log[-3000:]
    assert "Panic on CPU" not in log and "panic" not in log.lower().split("micro-start", 1)[-1], log[-3000:]
