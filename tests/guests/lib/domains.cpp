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

long update_va_of(u16 owner, const void* address, u64 entry, u64 flags) {
    return call(Hypercall::UpdateVaMappingOtherdomain, address, entry, flags, owner);
}

} // namespace micro
