// SPDX-License-Identifier: Apache-2.0
// platform_op (7): wall clock, firmware, power and CPUs, for the control domain (public/platform.h).
#include "abi/platform.hpp"
#include "base/log.hpp"
#include "domain/guest_pointer.hpp"
#include "domain/run/schedule.hpp"
#include "domain/time.hpp"
#include "machine/machine.hpp"
#include "x86/hypercall/platform_absent.hpp"
#include "x86/hypercall/platform_efi.hpp"
#include "x86/hypercall/platform_firmware.hpp"
#include "x86/hypercall/rows.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/firmware/acpi.hpp"
#include "x86/machine/firmware/power.hpp"

#include <algorithm>
#include <cstring>

namespace px::x86::platform {
namespace {

Result<> set_time(u64 seconds, u32 nanoseconds, u64 system_time) {
    constexpr u64 per_second = 1'000'000'000;
    if (nanoseconds >= per_second || seconds > ~u64{0} / per_second - 1) return fail(Error::Invalid);
    machine::set_wall_clock_base(seconds * per_second + nanoseconds - system_time);
    write_all_wall_clocks();
    return {};
}

Result<> sleep(const abi::PlatformEnterAcpiSleep& op) {
    constexpr u32 s5 = 5;
    if (op.flags & ~abi::acpi_sleep_extended) return fail(Error::Invalid);
    if (op.flags & abi::acpi_sleep_extended)
        return fail(Error::Perm); // reduced hardware: no sleep control register known
    if (op.sleep_state == 0 || op.sleep_state > s5) return fail(Error::Invalid);
    if (op.sleep_state != s5) return fail(Error::NotSupported);
    return power::enter_s5(op.val_a, op.val_b);
}

bool is_present(u32 cpu) { return cpu < machine::cpu_count(); }

Result<> cpu_info(abi::PlatformPcpuinfo& op) {
    op.max_present = machine::cpu_count() - 1;
    if (!is_present(op.xen_cpuid)) {
        op.flags = abi::pcpu_flags_invalid;
        return {};
    }
    op.flags = machine::online_cpus().test(op.xen_cpuid) ? abi::pcpu_flags_online : 0;
    const machine::CpuIdentity id = machine::cpu_identity(CpuId(op.xen_cpuid));
    op.apic_id = id.apic_id;
    op.acpi_id = id.acpi_id;
    return {};
}

Result<> cpu_version(abi::PlatformPcpuVersion& op) {
    op.max_present = machine::cpu_count() - 1;
    std::memset(op.vendor_id, 0, sizeof op.vendor_id);
    op.family = op.model = op.stepping = 0;
    if (!is_present(op.xen_cpuid)) return {};
    std::memcpy(op.vendor_id, cpu_features.vendor_name, sizeof op.vendor_id);
    op.family = cpu_features.family;
    op.model = cpu_features.model;
    op.stepping = cpu_features.stepping;
    return {};
}

/// All CPUs stay online: taking one down is not supported.
Result<> cpu_online(u32 cpu) { return is_present(cpu) ? Result<>{} : fail(Error::Invalid); }
Result<> cpu_offline(u32 cpu) {
    if (cpu == 0) return fail(Error::NotSupported);
    return fail(is_present(cpu) ? Error::NotSupported : Error::Invalid);
}

Result<> idle_times(abi::PlatformGetidletime& op) {
    GuestPointer<u8> map(op.cpumap_bitmap);
    GuestPointer<u64> times(op.idletime);
    const u32 bytes = (std::min<u32>(op.cpumap_nr_cpus, max_cpus) + 7) / 8;
    for (u32 i = 0; i < bytes; ++i) {
        u8 wanted = TRY(map.read(i));
        for (u32 bit = 0; bit < 8; ++bit) {
            const u32 cpu = i * 8 + bit;
            if (cpu >= op.cpumap_nr_cpus) wanted &= static_cast<u8>(~(1u << bit));
            if (!(wanted >> bit & 1)) continue;
            if (is_present(cpu)) TRY(times.write(schedule::idle_time(CpuId(cpu)), cpu));
            else wanted &= static_cast<u8>(~(1u << bit));
        }
        TRY(map.write(wanted, i));
    }
    op.now = static_cast<u64>(machine::now());
    return {};
}

/// Fills the out fields of `op`; sets copy_back if there are any.
Result<> perform(abi::PlatformRequest& op, bool& copy_back) {
    using Op = abi::PlatformOp;
    auto with_result = [&](Result<> r) {
        copy_back = true;
        return r;
    };
    switch (static_cast<Op>(op.cmd)) {
    case Op::Settime32: return set_time(op.u.settime32.secs, op.u.settime32.nsecs, op.u.settime32.system_time);
    case Op::Settime64:
        if (op.u.settime64.mbz != 0) return fail(Error::Invalid);
        return set_time(op.u.settime64.secs, op.u.settime64.nsecs, op.u.settime64.system_time);
    case Op::EfiRuntimeCall: return with_result(efi_runtime_call(op.u.efi_runtime_call));
    case Op::FirmwareInfo: return with_result(firmware_info(op.u.firmware_info));
    case Op::EnterAcpiSleep: return sleep(op.u.enter_acpi_sleep);
    case Op::GetCpuinfo: return with_result(cpu_info(op.u.pcpu_info));
    case Op::GetCpuVersion: return with_result(cpu_version(op.u.pcpu_version));
    case Op::CpuOnline: return cpu_online(op.u.cpu_ol.cpuid);
    case Op::CpuOffline: return cpu_offline(op.u.cpu_ol.cpuid);
    case Op::Getidletime: return with_result(idle_times(op.u.getidletime));
    default: return absent(op, copy_back);
    }
}

} // namespace
} // namespace px::x86::platform

namespace px::hypercall {

Outcome platform_op(Call& call) {
    GuestPointer<abi::PlatformRequest> pointer(call.args[0]);
    auto op = pointer.read();
    if (!op) return Outcome::of(fail(op.error()));
    if (op->interface_version != abi::platform_interface_version) return Outcome::error(Error::Access);
    if (!current_domain().is_privileged) return Outcome::error(Error::Perm);
    bool copy_back = false;
    const Result<> result = x86::platform::perform(*op, copy_back);
    if (!result && result.error() == Error::Restart) return Outcome::restart();
    if (result && copy_back)
        if (auto written = pointer.write(*op); !written) return Outcome::of(written);
    return Outcome::of(result);
}

} // namespace px::hypercall
