// SPDX-License-Identifier: Apache-2.0
// Platform operations that need hardware or files that are mostly not there: the answers are Xen 4.17's
// (observed.json).
#include "abi/platform.hpp"
#include "abi/physdev.hpp"
#include "lib/domains.hpp"

using namespace micro;
using abi::Errno;
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

namespace {
long give_ports(u16 domain, u32 first, u32 count, bool allow = true) {
    static abi::Domctl op;
    memset(&op, 0, sizeof op);
    op.u.ioport_permission = {.first_port = first, .nr_ports = count, .allow_access = allow};
    return domctl(abi::DomctlCommand::IoportPermission, domain, op);
}
} // namespace

/// A tool gives ports that its domain may use, to whomever: not the interrupt controllers, clocks and serial ports that
/// are the hypervisor's.
MICRO_CASE(ports_are_given_by_who_has_them) {
    make_domain(5, 8);
    for (const u16 to : {u16{5}, u16{0}}) {
        for (const u32 port : {0x20u, 0x21u, 0xa0u, 0x40u, 0x43u, 0x61u, 0x3f8u})
            CHECK_IS(give_ports(to, port, 1), error(Errno::Perm));
        CHECK_IS(give_ports(to, 0x1e, 4), error(Errno::Perm));
        CHECK_IS(give_ports(to, 0, 0x10000), error(Errno::Perm));
        CHECK_IS(give_ports(to, 0x20, 2, false), error(Errno::Perm));
        CHECK_IS(give_ports(to, 0x80, 0), error(Errno::Invalid));
        CHECK_IS(give_ports(to, 0xffff, 2), error(Errno::Invalid));
        CHECK_IS(give_ports(to, ~0u, 2), error(Errno::Invalid));
        CHECK_IS(give_ports(to, 0x10000, 1), error(Errno::Invalid));
        CHECK_IS(give_ports(to, 0x80, 2), 0);
    }
    CHECK_IS(give_ports(5, 0x80, 2, false), 0);
    CHECK_IS(destroy_domain(5), 0);
    CHECK(is_gone(5));
}

/// The CMOS clock is shared byte by byte, also where two bytes are written or read at once.
MICRO_CASE(cmos_by_words) {
    constexpr u8 spare = 0x7e, other = 0x7f; // registers that nobody uses
    abi::PhysdevSetIopl iopl{1};
    CHECK_IS(call(Hypercall::PhysdevOp, abi::PhysdevOp::SetIopl, &iopl), 0);
    const auto select = [](u8 index) { asm volatile("outb %0, %1" ::"a"(index), "d"(u16{0x70})); };
    const auto write = [](u8 value) { asm volatile("outb %0, %1" ::"a"(value), "d"(u16{0x71})); };
    const auto read = [] {
        u8 value;
        asm volatile("inb %1, %0" : "=a"(value) : "d"(u16{0x71}));
        return value;
    };
    select(other);
    write(0x11);
    asm volatile("outw %0, %1" ::"a"(static_cast<u16>(0x5a << 8 | 0x80 | spare)), "d"(u16{0x70}));
    CHECK_IS(read(), 0x5a);
    select(other);
    CHECK_IS(read(), 0x11);
    u16 both;
    asm volatile("inw %1, %0" : "=a"(both) : "d"(u16{0x70}));
    CHECK_IS(both >> 8, 0x11);
    iopl.iopl = 0;
    CHECK_IS(call(Hypercall::PhysdevOp, abi::PhysdevOp::SetIopl, &iopl), 0);
}
