// SPDX-License-Identifier: Apache-2.0
// Platform operations that need hardware or files that are mostly not there: the answers are Xen 4.17's
// (observed.json).
#include "abi/platform.hpp"
#include "lib/micro.hpp"

using namespace micro;
using abi::Hypercall;
using abi::PlatformOp;

namespace {

abi::PlatformRequest asked; ///< the last question, and its answer

/// Asks with what `fill` puts in, and names the answer.
template <class F> abi::PlatformRequest& ask(const char* name, PlatformOp command, F fill) {
    memset(&asked, 0, sizeof asked);
    asked.cmd = static_cast<u32>(command);
    asked.interface_version = abi::platform_interface_version;
    fill(asked);
    observe(name, call(Hypercall::PlatformOp, &asked));
    return asked;
}
abi::PlatformRequest& ask(const char* name, PlatformOp command) {
    return ask(name, command, [](abi::PlatformRequest&) {});
}

} // namespace

MICRO_CASE(memory_types_by_platform_op) {
    ask("del_memtype, not in use", PlatformOp::DelMemtype, [](auto& op) { op.u.del_memtype = {0, 6}; });
    ask("del_memtype, other handle", PlatformOp::DelMemtype, [](auto& op) { op.u.del_memtype = {1, 0}; });
    ask("del_memtype, no such", PlatformOp::DelMemtype, [](auto& op) { op.u.del_memtype = {0, 1000}; });
    auto& read = ask("read_memtype 0", PlatformOp::ReadMemtype);
    observe("read_memtype 0, frames", static_cast<s64>(read.u.read_memtype.nr_mfns));
    observe("read_memtype 0, frame", static_cast<s64>(read.u.read_memtype.mfn));
    observe("read_memtype 0, type", read.u.read_memtype.type);
    ask("read_memtype 7", PlatformOp::ReadMemtype, [](auto& op) { op.u.read_memtype.reg = 7; });
    observe("read_memtype 7, frames", static_cast<s64>(read.u.read_memtype.nr_mfns));
    observe("read_memtype 7, type", read.u.read_memtype.type);
    ask("read_memtype 8", PlatformOp::ReadMemtype, [](auto& op) { op.u.read_memtype.reg = 8; });
    ask("read_memtype, no such", PlatformOp::ReadMemtype, [](auto& op) { op.u.read_memtype.reg = ~0u; });
    ask("add_memtype, bad type", PlatformOp::AddMemtype, [](auto& op) {
        op.u.add_memtype.nr_mfns = 1;
        op.u.add_memtype.type = 7;
    });
}

/// The firmware's range over the hole below 4 GiB: as found on whatever CPU this runs. Taken away (Xen), or refused and
/// there.
MICRO_CASE(firmwares_memory_type_is_taken_or_stays) {
    const auto read = [] { return ask("read_memtype 0", PlatformOp::ReadMemtype, [](auto&) {}).u.read_memtype; };
    const auto before = read();
    memset(&asked, 0, sizeof asked);
    asked.cmd = static_cast<u32>(PlatformOp::DelMemtype);
    asked.interface_version = abi::platform_interface_version;
    const s64 answer = call(Hypercall::PlatformOp, &asked);
    const auto after = read();
    CHECK(answer == 0 || answer == -22);
    CHECK(after.nr_mfns == (answer == 0 ? 0 : before.nr_mfns));
    CHECK(after.mfn == (answer == 0 ? 0 : before.mfn));
}

MICRO_CASE(microcode_by_platform_op) {
    static const void* blob = new_page();
    ask("microcode, nothing", PlatformOp::MicrocodeUpdate);
    ask("microcode, zeros", PlatformOp::MicrocodeUpdate, [](auto& op) {
        op.u.microcode.data.address = reinterpret_cast<u64>(blob);
        op.u.microcode.length = page_bytes;
    });
    ask("microcode, short", PlatformOp::MicrocodeUpdate, [](auto& op) {
        op.u.microcode.data.address = reinterpret_cast<u64>(blob);
        op.u.microcode.length = 16;
    });
    ask("microcode, no memory", PlatformOp::MicrocodeUpdate, [](auto& op) { op.u.microcode.length = page_bytes; });
}

MICRO_CASE(power_management_by_platform_op) {
    ask("change_freq, flags", PlatformOp::ChangeFreq, [](auto& op) { op.u.change_freq.flags = 1; });
    ask("change_freq, no cpu", PlatformOp::ChangeFreq, [](auto& op) { op.u.change_freq = {0, 77, 2000000000}; });
    ask("change_freq, far cpu", PlatformOp::ChangeFreq, [](auto& op) { op.u.change_freq = {0, ~0u, 2000000000}; });
    ask("change_freq, zero", PlatformOp::ChangeFreq);
    for (u32 type = 0; type < 6; ++type) {
        char name[] = "set_processor_pminfo 0";
        name[sizeof name - 2] = static_cast<char>('0' + type);
        ask(name, PlatformOp::SetProcessorPminfo, [&](auto& op) { op.u.set_pminfo.type = type; });
    }
    ask("core_parking 0", PlatformOp::CoreParking);
    auto& get = ask("core_parking, get", PlatformOp::CoreParking,
                    [](auto& op) { op.u.core_parking = {abi::core_parking_get, 5}; });
    observe("core_parking, parked", get.u.core_parking.idle_nums);
    ask("core_parking, set 0", PlatformOp::CoreParking,
        [](auto& op) { op.u.core_parking = {abi::core_parking_set, 0}; });
    ask("core_parking 3", PlatformOp::CoreParking, [](auto& op) { op.u.core_parking.type = 3; });
}

MICRO_CASE(hot_plugging_by_platform_op) {
    ask("cpu_hotadd, present", PlatformOp::CpuHotadd);
    ask("cpu_hotadd, none", PlatformOp::CpuHotadd, [](auto& op) { op.u.cpu_add = {~0u, ~0u, ~0u}; });
    ask("cpu_hotadd, far", PlatformOp::CpuHotadd, [](auto& op) { op.u.cpu_add = {100, 100, 0}; });
    ask("cpu_hotadd, far node", PlatformOp::CpuHotadd, [](auto& op) { op.u.cpu_add = {100, 100, 1000}; });
    ask("mem_hotadd, none", PlatformOp::MemHotadd);
    ask("cpu_offline, no such", PlatformOp::CpuOffline, [](auto& op) { op.u.cpu_ol.cpuid = 1000; });
    ask("cpu_offline 0", PlatformOp::CpuOffline);
    ask("cpu_online, no such", PlatformOp::CpuOnline, [](auto& op) { op.u.cpu_ol.cpuid = 1000; });
    ask("cpu_online 0", PlatformOp::CpuOnline);
}

/// What firmware left below 1 MiB, the screen and ROMs: dom0 may map all of it, though the map calls most of it RAM.
MICRO_CASE(first_mib_is_io_memory) {
    void* const window = new_page();
    for (u64 frame = 0; frame < 256; ++frame) {
        CHECK_IS(update_va(window, frame * page_bytes | kernel_rw | no_execute), 0);
        if (traps([&] { (void)*static_cast<volatile u8*>(window); })) CHECK(!"readable");
    }
    CHECK_IS(set_access(window, true), 0);
}
