// SPDX-License-Identifier: Apache-2.0
// Making and ending domains, by the calls that the tools make.
#include "lib/domains.hpp"

namespace micro {

using abi::Hypercall;

long domctl(abi::DomctlCommand command, u16 domain, abi::Domctl& op) {
    op.cmd = static_cast<u32>(command);
    op.interface_version = abi::domctl_interface_version;
    op.domain = domain;
    long result;
    do result = call(Hypercall::Domctl, &op);
    while (result == error(abi::Errno::Restart));
    return result;
}

long create_domain(u16 number) {
    static abi::Domctl op;
    op.u.createdomain = {};
    op.u.createdomain.max_vcpus = 1;
    op.u.createdomain.max_evtchn_port = 63;
    op.u.createdomain.max_grant_frames = 1;
    op.u.createdomain.max_maptrack_frames = 1;
    op.u.createdomain.grant_opts = 1;
    return domctl(abi::DomctlCommand::CreateDomain, number, op);
}

void make_domain(u16 number, u64 frames) {
    static abi::Domctl op;
    CHECK_IS(create_domain(number), 0);
    op.u.max_mem.max_memkb = frames * (page_bytes / 1024);
    CHECK_IS(domctl(abi::DomctlCommand::MaxMem, number, op), 0);
}

long destroy_domain(u16 number) {
    static abi::Domctl op;
    return domctl(abi::DomctlCommand::DestroyDomain, number, op);
}

bool is_gone(u16 number) {
    static abi::Domctl op;
    const u64 end = system_time() + 5000000000;
    while (domctl(abi::DomctlCommand::GetDomainInfo, number, op) == 0 && op.domain == number) {
        if (system_time() > end) return false;
        call(Hypercall::SchedOp, abi::SchedOp::Yield, 0);
    }
    return true;
}

u64 populate(u16 number) {
    static u64 frame;
    frame = 0;
    auto r = reservation(&frame);
    r.domid = number;
    return memory(abi::MemoryOp::PopulatePhysmap, &r) == 1 ? frame : 0;
}

u64 grant_frame(u16 number) {
    static u64 frame;
    abi::GnttabSetupTable op{};
    op.dom = number;
    op.nr_frames = 1;
    op.frame_list.address = reinterpret_cast<u64>(&frame);
    CHECK_IS(grant(abi::GrantTableOp::SetupTable, &op), 0);
    CHECK_IS(op.status, 0);
    return frame;
}

long pin_vcpu(u16 number, u32 cpu) {
    static abi::Domctl op;
    static u64 cpus;
    cpus = u64{1} << cpu;
    memset(&op, 0, sizeof op);
    op.u.vcpuaffinity.flags = abi::vcpuaffinity_hard;
    op.u.vcpuaffinity.cpumap_hard.bitmap.address = reinterpret_cast<u64>(&cpus);
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    return domctl(abi::DomctlCommand::SetVcpuAffinity, number, op);
}

namespace {

/// Puts words at the start of another domain's frame, by one of ours.
void fill(u16 number, u64 frame, void* window, const u64* words, unsigned count) {
    CHECK_IS(update_va_of(number, window, frame * page_bytes | kernel_rw | no_execute), 0);
    memset(window, 0, page_bytes);
    memcpy(window, words, count * sizeof(u64));
    CHECK_IS(set_access(window, true), 0);
}

} // namespace

u64 run_counter(u16 number, u32 cpu) {
    static u64 code[] = {0x0000200025'04ff48, 0xf6eb}; // 1: incq 0x2000; jmp 1b
    constexpr u64 code_address = 0x1000, below = present | writable | user | accessed;
    void* const window = new_page();
    u64 frames[6]; // of the tables from the top down, of the code, of the counter
    for (u64& frame : frames) CHECK((frame = populate(number)) != 0);
    for (unsigned i = 0; i < 3; ++i) {
        const u64 entry = frames[i + 1] * page_bytes | below;
        fill(number, frames[i], window, &entry, 1);
    }
    const u64 entries[] = {0, frames[4] * page_bytes | kernel_ro, frames[5] * page_bytes | kernel_rw | no_execute};
    fill(number, frames[3], window, entries, 3);
    fill(number, frames[4], window, code, 2);

    static abi::Domctl op;
    static abi::VcpuGuestContext context;
    op.u.max_vcpus.max = 1;
    CHECK_IS(domctl(abi::DomctlCommand::MaxVcpus, number, op), 0);
    context = {};
    context.flags = abi::vgcf_in_kernel | abi::vgcf_online;
    context.user_regs.rip = code_address;
    context.user_regs.cs = abi::flat_ring3_cs64;
    context.user_regs.ss = abi::flat_ring3_ss64;
    context.ctrlreg[3] = frames[0] * page_bytes;
    memset(&op, 0, sizeof op);
    op.u.vcpucontext.ctxt.address = reinterpret_cast<u64>(&context);
    CHECK_IS(domctl(abi::DomctlCommand::SetVcpuContext, number, op), 0);
    CHECK_IS(pin_vcpu(number, cpu), 0);
    CHECK_IS(domctl(abi::DomctlCommand::UnpauseDomain, number, op), 0);
    return frames[5];
}

long update_va_of(u16 owner, const void* address, u64 entry, u64 flags) {
    return call(Hypercall::UpdateVaMappingOtherdomain, address, entry, flags, owner);
}

} // namespace micro
