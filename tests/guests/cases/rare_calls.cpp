// SPDX-License-Identifier: Apache-2.0
// Calls and commands that hardly anybody makes: the answers are Xen 4.17's (observed.json).
#include "abi/physdev.hpp"
#include "abi/platform.hpp"
#include "lib/micro.hpp"

using namespace micro;
using abi::Hypercall;

MICRO_CASE(numbers_of_old_calls) {
    auto* words = static_cast<u64*>(new_page());
    // The old forms of event_channel_op and physdev_op take one structure that begins with the command.
    words[0] = 0xffff;
    observe("event_channel_op_compat, unknown", call(Hypercall::EventChannelOpCompat, words));
    words[0] = static_cast<u64>(abi::EventChannelOp::BindIpi);
    observe("event_channel_op_compat, bind_ipi", call(Hypercall::EventChannelOpCompat, words));
    observe("event_channel_op_compat, no memory", call(Hypercall::EventChannelOpCompat, u64{0x123456789000}));
    words[0] = 0xffff;
    observe("physdev_op_compat, unknown", call(Hypercall::PhysdevOpCompat, words));
    words[0] = static_cast<u64>(abi::PhysdevOp::SetIopl);
    words[1] = 0;
    observe("physdev_op_compat, set_iopl", call(Hypercall::PhysdevOpCompat, words));
    observe("physdev_op_compat, no memory", call(Hypercall::PhysdevOpCompat, u64{0x123456789000}));
    for (const u32 number : {11u, 27u, 39u, 47u, 48u, 55u, 63u, 64u, 1000u}) {
        char name[] = "hypercall 0000";
        for (unsigned i = 0, n = number; i < 4; ++i, n /= 10) name[13 - i] = static_cast<char>('0' + n % 10);
        observe(name, call(static_cast<Hypercall>(number), 0, 0, 0, 0));
    }
}

MICRO_CASE(rare_vcpu_ops) {
    auto* words = static_cast<u64*>(new_page());
    observe("get_physid", call(Hypercall::VcpuOp, abi::VcpuOp::GetPhysid, 0, words));
    observe("get_physid, no memory", call(Hypercall::VcpuOp, abi::VcpuOp::GetPhysid, 0, 0));
    observe("get_physid, no vcpu", call(Hypercall::VcpuOp, abi::VcpuOp::GetPhysid, 77, words));
    observe("stop_periodic_timer twice", call(Hypercall::VcpuOp, abi::VcpuOp::StopPeriodicTimer, 0, 0));
    observe("send_nmi to nobody", call(Hypercall::VcpuOp, abi::VcpuOp::SendNmi, 77, 0));
    observe("register_vcpu_info, bad offset", [&] {
        words[0] = mfn_of(words);
        words[1] = 4090;
        return call(Hypercall::VcpuOp, abi::VcpuOp::RegisterVcpuInfo, 0, words);
    }());
    observe("register_vcpu_info, not aligned", [&] {
        words[1] = 2;
        return call(Hypercall::VcpuOp, abi::VcpuOp::RegisterVcpuInfo, 0, words);
    }());
    for (const u32 command : {14u, 15u, 0xffffffffu}) {
        char name[] = "vcpu_op 00";
        for (unsigned i = 0, n = command; i < 2; ++i, n /= 10) name[9 - i] = static_cast<char>('0' + n % 10);
        observe(name, call(Hypercall::VcpuOp, command, 0, words));
    }
}

MICRO_CASE(rare_platform_ops) {
    auto* op = static_cast<abi::PlatformRequest*>(new_page());
    // Left out are those with an effect on the machine, and those that docs/compatibility.md calls missing.
    for (const u32 command : {0u, 16u, 31u, 34u, 39u, 49u, 52u, 59u, 64u, 65u, 200u}) {
        memset(op, 0, page_bytes);
        op->cmd = command;
        op->interface_version = abi::platform_interface_version;
        char name[] = "platform_op 000";
        for (unsigned i = 0, n = command; i < 3; ++i, n /= 10) name[14 - i] = static_cast<char>('0' + n % 10);
        observe(name, call(Hypercall::PlatformOp, op));
    }
    op->interface_version = 0;
    observe("platform_op, version", call(Hypercall::PlatformOp, op));
}

MICRO_CASE(rare_physdev_ops) {
    auto* words = static_cast<u32*>(new_page());
    for (const u32 command : {0u, 1u, 3u, 5u, 11u, 12u, 14u, 26u, 32u, 33u, 99u}) {
        memset(words, 0xff, 64);
        char name[] = "physdev_op 00";
        for (unsigned i = 0, n = command; i < 2; ++i, n /= 10) name[12 - i] = static_cast<char>('0' + n % 10);
        observe(name, call(Hypercall::PhysdevOp, command, words));
    }
}
