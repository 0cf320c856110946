// SPDX-License-Identifier: Apache-2.0
// Version, features, unknown calls, bad pointers.
#include "lib/micro.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {
/// Addresses that no hypercall may read or write for a guest.
constexpr u64 bad_addresses[] = {0x10,
                                 0x00007ffffffff000,
                                 0x0000800000000000,
                                 0xffff7fffffffffff,
                                 0xffff82d040200000,
                                 0xffff830000000000,
                                 0xffff87ffffffffff,
                                 0xffffffffffffffff};
} // namespace

MICRO_CASE(version_is_4_17) { CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::Version, 0), 0x00040011); }

MICRO_CASE(page_size_is_4096) { CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::Pagesize, 0), 4096); }

MICRO_CASE(unknown_hypercall_is_enosys) {
    for (long number : {11l, 38l, 43l, 47l, 50l, 63l, 64l, 65l, 1000l, -1l, 0x7fffffffffffffffl})
        CHECK_IS(hypercall6(number, 0, 0, 0, 0, 0, 0), error(Errno::NoSys));
}

MICRO_CASE(unknown_version_sub_op_is_enosys) { CHECK_IS(call(Hypercall::XenVersion, 77, 0), error(Errno::NoSys)); }

MICRO_CASE(features_of_a_pv_guest) {
    abi::FeatureInfo info{0, 0};
    CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::GetFeatures, &info), 0);
    observe("features", info.submap);
    info = {1, 0};
    CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::GetFeatures, &info), error(Errno::Invalid));
}

MICRO_CASE(capabilities_name_pv64) {
    static char text[1024];
    CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::Capabilities, text), 0);
    const char wanted[] = "xen-3.0-x86_64";
    bool found = true;
    for (unsigned i = 0; i < sizeof wanted - 1; ++i) found = found && text[i] == wanted[i];
    CHECK(found);
}

MICRO_CASE(platform_parameters) {
    abi::PlatformParameters p{};
    CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::PlatformParameters, &p), 0);
    u64 start;
    __builtin_memcpy(&start, &p, sizeof start);
    CHECK(start == 0xffff800000000000);
}

MICRO_CASE(bad_pointers_to_version) {
    for (u64 address : bad_addresses) {
        CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::Extraversion, address), error(Errno::Fault));
        CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::GetFeatures, address), error(Errno::Fault));
        CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::Changeset, address), error(Errno::Fault));
    }
}

MICRO_CASE(bad_pointers_to_common_calls) {
    for (u64 address : bad_addresses) {
        CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::AllocUnbound, address), error(Errno::Fault));
        CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Send, address), error(Errno::Fault));
        CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::Poll, address), error(Errno::Fault));
        CHECK_IS(call(Hypercall::MemoryOp, abi::MemoryOp::DecreaseReservation, address), 0); // extents done: none
        CHECK_IS(call(Hypercall::MemoryOp, abi::MemoryOp::MachphysMapping, address), error(Errno::Fault));
        CHECK_IS(call(Hypercall::GrantTableOp, abi::GrantTableOp::QuerySize, address, 1), error(Errno::Fault));
        CHECK_IS(call(Hypercall::GrantTableOp, abi::GrantTableOp::MapGrantRef, address, 1), error(Errno::Fault));
        CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::SetSingleshotTimer, 0, address), error(Errno::Fault));
        CHECK_IS(call(Hypercall::MmuUpdate, address, 1, 0, abi::domid_self), error(Errno::Fault));
        CHECK_IS(call(Hypercall::MmuextOp, address, 1, 0, abi::domid_self), error(Errno::Fault));
        CHECK_IS(call(Hypercall::Multicall, address, 1), error(Errno::Fault));
        CHECK_IS(call(Hypercall::CallbackOp, abi::CallbackOp::Register, address), error(Errno::Fault));
        CHECK_IS(call(Hypercall::PhysdevOp, 12, address), error(Errno::Fault));
    }
}

MICRO_CASE(control_calls_check_their_version) {
    static u64 op[32];
    op[0] = 1 | u64{0x14} << 32;
    CHECK_IS(call(Hypercall::Domctl, op), error(Errno::Access));
    CHECK_IS(call(Hypercall::Sysctl, op), error(Errno::Access));
    op[0] = 51 | u64{1} << 32;
    CHECK_IS(call(Hypercall::PlatformOp, op), error(Errno::Access));
}

MICRO_CASE(multicall_gives_each_result) {
    static abi::MulticallEntry calls[4];
    calls[0] = {static_cast<u64>(Hypercall::XenVersion), 9, {0, 0, 0, 0, 0, 0}};
    calls[1] = {static_cast<u64>(Hypercall::XenVersion), 9, {77, 0, 0, 0, 0, 0}};
    calls[2] = {999, 9, {0, 0, 0, 0, 0, 0}};
    calls[3] = {static_cast<u64>(Hypercall::XenVersion), 9, {7, 0, 0, 0, 0, 0}};
    CHECK_IS(call(Hypercall::Multicall, calls, 4), 0);
    CHECK_IS(calls[0].result, 0x00040011);
    CHECK_IS(calls[1].result, error(Errno::NoSys));
    CHECK_IS(calls[2].result, error(Errno::NoSys));
    CHECK_IS(calls[3].result, 4096);
}

MICRO_CASE(multicall_in_multicall_is_refused) {
    static abi::MulticallEntry inner[1], outer[1];
    inner[0] = {static_cast<u64>(Hypercall::XenVersion), 9, {0, 0, 0, 0, 0, 0}};
    outer[0] = {static_cast<u64>(Hypercall::Multicall), 9, {reinterpret_cast<u64>(inner), 1, 0, 0, 0, 0}};
    CHECK_IS(call(Hypercall::Multicall, outer, 1), 0);
    CHECK_IS(outer[0].result, error(Errno::Invalid));
}

/// Each type, as a bit where it is known: to be switched on, and off again.
MICRO_CASE(vm_assist_knows_its_types) {
    constexpr long enable = 0, disable = 1;
    u64 on = 0, off = 0;
    for (u64 type = 0; type < 64; ++type) {
        const long result = call(Hypercall::VmAssist, enable, type);
        CHECK(result == 0 || result == error(Errno::Invalid));
        on |= u64{result == 0} << type;
        off |= u64{call(Hypercall::VmAssist, disable, type) == 0} << type;
    }
    observe("vm_assist, types", static_cast<s64>(on));
    CHECK_IS(off, on);
    CHECK_IS(call(Hypercall::VmAssist, enable, 3), 0); // as dom0 begins
    for (const u64 type : {u64{64}, u64{0xffffffff}}) {
        CHECK_IS(call(Hypercall::VmAssist, enable, type), error(Errno::Invalid));
        CHECK_IS(call(Hypercall::VmAssist, disable, type), error(Errno::Invalid));
    }
    CHECK_IS(call(Hypercall::VmAssist, 2, 0), error(Errno::NoSys));
    CHECK_IS(call(Hypercall::VmAssist, 2, 31), error(Errno::Invalid));
}

MICRO_CASE(hypercall_keeps_registers) {
    u64 rbx = 0x1111, rbp_like = 0x2222, r12 = 0x3333, r15 = 0x4444, rdi = 0, rax = 17, rsi = 0;
    asm volatile("mov %[b], %%rbx; mov %[c], %%r12; mov %[d], %%r15; mov %[e], %%r13; syscall;"
                 "mov %%rbx, %[b]; mov %%r12, %[c]; mov %%r15, %[d]; mov %%r13, %[e]"
                 : [b] "+m"(rbx), [c] "+m"(r12), [d] "+m"(r15), [e] "+m"(rbp_like), "+a"(rax), "+D"(rdi), "+S"(rsi)
                 :
                 : "rbx", "r12", "r13", "r15", "rcx", "r11", "memory");
    CHECK(rbx == 0x1111 && r12 == 0x3333 && r15 == 0x4444 && rbp_like == 0x2222);
    CHECK_IS(rax, 0x00040011);
    CHECK(rdi == 0 && rsi == 0);
}
