// SPDX-License-Identifier: Apache-2.0
// Attacks of known classes: confused page types, pages given away while in use, results at forbidden places, huge
// counts.
#include "lib/grants.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {
constexpr u64 forbidden[] = {0xffff830000000000, 0xffff82d040200000, 0xffff82e000000000, 0x8000000000000000};

long memory(abi::MemoryOp command, void* op) { return call(Hypercall::MemoryOp, command, op); }
abi::MemoryReservation reservation(u64* frames, u64 count = 1) {
    abi::MemoryReservation r{};
    r.extent_start.address = reinterpret_cast<u64>(frames);
    r.nr_extents = count;
    r.domid = abi::domid_self;
    return r;
}
} // namespace

/// A page table that is given away stays what it is until its last use ends; it is not writable in between.
MICRO_CASE(decrease_of_a_pinned_table) {
    auto* page = static_cast<u64*>(new_page());
    static u64 frame;
    frame = mfn_of(page);
    CHECK_IS(set_access(page, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, frame), 0);
    auto r = reservation(&frame);
    CHECK_IS(memory(abi::MemoryOp::DecreaseReservation, &r), 1);
    CHECK(set_access(page, true) < 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, frame), 0);
    CHECK_IS(update_va(page, 0), 0); // the last use: it is gone now
    CHECK(update_va(page, frame * page_bytes | kernel_ro | no_execute) < 0);
    frame = pfn_of(page);
    CHECK_IS(memory(abi::MemoryOp::PopulatePhysmap, &r), 1);
    p2m()[pfn_of(page)] = frame;
    CHECK_IS(set_access(page, true), 0);
}

/// A frame in use as descriptor table cannot be made a page table.
MICRO_CASE(descriptor_page_as_page_table) {
    auto* gdt = static_cast<u64*>(new_page());
    const u64 frame = mfn_of(gdt);
    CHECK_IS(set_access(gdt, false), 0);
    CHECK_IS(call(Hypercall::SetGdt, &frame, 512), 0);
    for (auto level : {abi::MmuextCommand::PinL1Table, abi::MmuextCommand::PinL2Table, abi::MmuextCommand::PinL3Table})
        CHECK(mmuext(level, frame) < 0);
    CHECK(mmuext(abi::MmuextCommand::ClearPage, frame) < 0);
    CHECK(mmuext(abi::MmuextCommand::CopyPage, frame, mfn_of(new_page())) < 0);
    CHECK_IS(call(Hypercall::SetGdt, &frame, 0), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, frame), 0);
    CHECK(call(Hypercall::SetGdt, &frame, 512) < 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, frame), 0);
    CHECK_IS(set_access(gdt, true), 0);
}

/// Page tables cannot be overwritten by the hypervisor's own page operations.
MICRO_CASE(page_operations_respect_types) {
    auto* l1 = static_cast<u64*>(new_page());
    const u64 frame = mfn_of(l1);
    CHECK_IS(set_access(l1, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, frame), 0);
    CHECK(mmuext(abi::MmuextCommand::ClearPage, frame) < 0);
    CHECK(mmuext(abi::MmuextCommand::CopyPage, frame, mfn_of(new_page())) < 0);
    CHECK(call(Hypercall::UpdateDescriptor, frame * page_bytes + 8, 0x00cff2000000ffff) < 0);
    abi::VcpuRegisterVcpuInfo info{frame, 0, 0};
    CHECK(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterVcpuInfo, 0, &info) < 0);
    abi::EvtchnInitControl control{};
    control.control_gfn = frame;
    CHECK(call(Hypercall::EventChannelOp, abi::EventChannelOp::InitControl, &control) < 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, frame), 0);
    CHECK_IS(set_access(l1, true), 0);
}

/// Tables that contain themselves, at each level but the top one's read-only form.
MICRO_CASE(tables_that_contain_themselves) {
    for (auto level :
         {abi::MmuextCommand::PinL1Table, abi::MmuextCommand::PinL2Table, abi::MmuextCommand::PinL3Table}) {
        auto* table = static_cast<u64*>(new_page());
        table[3] = mfn_of(table) * page_bytes | present | writable | user;
        CHECK_IS(set_access(table, false), 0);
        CHECK(mmuext(level, mfn_of(table)) < 0);
        CHECK_IS(set_access(table, true), 0);
    }
    auto* l3 = static_cast<u64*>(new_page());
    auto* l2 = static_cast<u64*>(new_page());
    l3[0] = mfn_of(l2) * page_bytes | present | writable | user;
    l2[0] = mfn_of(l3) * page_bytes | present | writable | user;
    CHECK_IS(set_access(l2, false), 0);
    CHECK_IS(set_access(l3, false), 0);
    CHECK(mmuext(abi::MmuextCommand::PinL3Table, mfn_of(l3)) < 0);
    CHECK_IS(set_access(l2, true), 0);
    CHECK_IS(set_access(l3, true), 0);
}

/// A table is used at one level only.
MICRO_CASE(one_table_at_two_levels) {
    auto* l1 = static_cast<u64*>(new_page());
    auto* l2 = static_cast<u64*>(new_page());
    CHECK_IS(set_access(l1, false), 0);
    l2[1] = l2[2] = mfn_of(l1) * page_bytes | present | writable | user;
    CHECK_IS(set_access(l2, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL2Table, mfn_of(l2)), 0);
    CHECK(mmuext(abi::MmuextCommand::PinL3Table, mfn_of(l1)) < 0);
    CHECK(mmu_update(&l2[3], mfn_of(l2) * page_bytes | present | writable | user) < 0);
    CHECK_IS(mmu_update(&l2[1], 0), 0);
    CHECK(set_access(l1, true) < 0); // one use is left
    CHECK_IS(mmu_update(&l2[2], 0), 0);
    CHECK_IS(set_access(l1, true), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(l2)), 0);
    CHECK_IS(set_access(l2, true), 0);
}

/// Pins do not add up, and do not go below none.
MICRO_CASE(pins_are_counted_once) {
    auto* l1 = static_cast<u64*>(new_page());
    CHECK_IS(set_access(l1, false), 0);
    for (int i = 0; i < 3; ++i) {
        CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(l1)), 0);
        CHECK(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(l1)) < 0);
        CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(l1)), 0);
        CHECK(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(l1)) < 0);
    }
    CHECK_IS(set_access(l1, true), 0);
}

/// Lists and results that lie in the hypervisor's part are faults, and nothing is written there.
MICRO_CASE(results_at_forbidden_places) {
    static u64 frame;
    auto* page = static_cast<u64*>(new_page());
    frame = mfn_of(page);
    for (u64 place : forbidden) {
        abi::MemoryExchange exchange{};
        exchange.in = reservation(&frame);
        exchange.out = reservation(&frame);
        exchange.out.extent_start.address = place;
        CHECK(memory(abi::MemoryOp::Exchange, &exchange) < 0);
        CHECK_IS(mfn_of(page), frame);
        abi::MachphysMfnList list{};
        list.max_extents = 1;
        list.extent_start.address = place;
        CHECK(memory(abi::MemoryOp::MachphysMfnList, &list) < 0);
        CHECK_IS(call(Hypercall::XenVersion, abi::VersionOp::Extraversion, place), error(Errno::Fault));
        CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::GetRunstateInfo, 0, place), error(Errno::Fault));
        CHECK_IS(call(Hypercall::Multicall, place, 1), error(Errno::Fault));
        CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindIpi, place), error(Errno::Fault));
        CHECK_IS(call(Hypercall::GrantTableOp, abi::GrantTableOp::MapGrantRef, place, 1), error(Errno::Fault));
        CHECK(call(Hypercall::SetTrapTable, place) < 0);
        CHECK(call(Hypercall::MmuUpdate, place, 1, 0, abi::domid_self) < 0);
    }
    page[0] = 7;
    CHECK_IS(page[0], 7);
}

/// Counts near the ends of their types: refused, or ended by the first bad element.
MICRO_CASE(huge_counts) {
    auto* page = static_cast<u64*>(new_page());
    CHECK_IS(update_va(static_cast<u8*>(new_page()), 0), 0);
    for (u64 count : {u64{0x7fffffff}, u64{0xffffffff}, u64{0x80000000}, ~u64{0}}) {
        CHECK(call(Hypercall::MmuUpdate, u64{0x1000}, count | 1, 0, abi::domid_self) < 0);
        CHECK(call(Hypercall::MmuextOp, u64{0x1000}, count | 1, 0, abi::domid_self) < 0);
        CHECK(call(Hypercall::GrantTableOp, abi::GrantTableOp::MapGrantRef, u64{0x1000}, count) < 0);
        CHECK(call(Hypercall::GrantTableOp, abi::GrantTableOp::Copy, u64{0x1000}, count) < 0);
        CHECK(call(Hypercall::Multicall, u64{0x1000}, count) < 0);
        auto r = reservation(page, count);
        page[0] = ~u64{0};
        CHECK(memory(abi::MemoryOp::DecreaseReservation, &r) <= 0);
        CHECK(call(Hypercall::SetGdt, page, count) < 0);
    }
}

/// The result of a multicall's entry overwrites the entries that follow: each is read when its turn comes.
MICRO_CASE(multicall_changes_itself) {
    auto* list = static_cast<abi::MulticallEntry*>(new_page());
    list[0].op = static_cast<u64>(Hypercall::XenVersion);
    list[0].args[0] = static_cast<u64>(abi::VersionOp::Extraversion);
    list[0].args[1] = reinterpret_cast<u64>(&list[1]); // 16 bytes of text over the next entry's number
    list[1].op = static_cast<u64>(Hypercall::SchedOp);
    CHECK_IS(call(Hypercall::Multicall, list, 2), 0);
    CHECK_IS(list[0].result, 0);
    CHECK_IS(list[1].result, error(Errno::NoSys));
    list[0].op = static_cast<u64>(Hypercall::Multicall);
    list[0].args[0] = reinterpret_cast<u64>(list);
    list[0].args[1] = 1;
    CHECK_IS(call(Hypercall::Multicall, list, 1), 0);
    CHECK(static_cast<s64>(list[0].result) < 0);
}

/// A vCPU's information block must lie in one page, aligned, and is registered once.
MICRO_CASE(vcpu_info_at_bad_places) {
    const u64 frame = mfn_of(new_page());
    for (u32 offset : {4095u, 4096u, 0xfffffff8u, 4096u - 8, 4096u - 63, 3u}) {
        abi::VcpuRegisterVcpuInfo op{frame, offset, 0};
        CHECK(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterVcpuInfo, 0, &op) < 0);
    }
    for (u64 mfn :
         {~u64{0}, u64{1} << 40, (reinterpret_cast<u64*>(start_info->pt_base)[261] & frame_mask) / page_bytes}) {
        abi::VcpuRegisterVcpuInfo op{mfn, 0, 0};
        CHECK(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterVcpuInfo, 0, &op) < 0);
    }
    abi::VcpuRegisterVcpuInfo op{frame, 0, 0};
    CHECK(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterVcpuInfo, 7777, &op) < 0);
}

/// Areas for run state and time: the hypervisor's addresses are refused; a page that is lost later does no harm.
MICRO_CASE(areas_at_bad_places) {
    for (u64 place : forbidden) {
        u64 op = place;
        CHECK(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterRunstateMemoryArea, 0, &op) < 0);
        CHECK(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterVcpuTimeMemoryArea, 0, &op) < 0);
    }
    void* page = new_page();
    u64 op = reinterpret_cast<u64>(page);
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterRunstateMemoryArea, 0, &op), 0);
    CHECK_IS(update_va(page, 0), 0);
    for (int i = 0; i < 100; ++i) call(Hypercall::SchedOp, abi::SchedOp::Yield, 0);
    CHECK_IS(set_access(page, true), 0);
    op = 0;
    call(Hypercall::VcpuOp, abi::VcpuOp::RegisterRunstateMemoryArea, 0, &op);
}

/// Ports that were closed take no operation; their numbers may be used again at once.
MICRO_CASE(closed_ports) {
    abi::EvtchnBindIpi bind{0, 0};
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindIpi, &bind), 0);
    const u32 port = bind.port;
    for (int i = 0; i < 50; ++i) {
        abi::EvtchnClose close{port};
        CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close), 0);
        CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close), error(Errno::Invalid));
        abi::EvtchnSend send{port};
        CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Send, &send), error(Errno::Invalid));
        CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindIpi, &bind), 0);
        CHECK_IS(bind.port, port);
    }
    abi::EvtchnClose close{port};
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close), 0);
}

/// Segment bases that would fault in the hypervisor when it loads them.
MICRO_CASE(segment_bases_not_canonical) {
    for (u64 base : {u64{0x8000000000000000}, u64{0x0000800000000000}, u64{0xffff7fffffffffff}})
        for (u32 which : {0u, 1u, 2u}) CHECK_IS(call(Hypercall::SetSegmentBase, which, base), error(Errno::Invalid));
    CHECK(call(Hypercall::SetSegmentBase, 99, 0) < 0);
    // Answered with success, but none is taken: the next event would have crashed this guest.
    CHECK_IS(call(Hypercall::SetCallbacks, u64{0x8000000000000000}, u64{0x8000000000000000}, u64{0x8000000000000000}),
             0);
}

/// Breakpoints in the hypervisor would be hit at the hypervisor's privilege.
MICRO_CASE(breakpoints_in_the_hypervisor) {
    for (u64 place : {0xffff82d040200000, 0xffff830000000000, 0x8000000000000000})
        for (int n = 0; n < 4; ++n) CHECK(call(Hypercall::SetDebugreg, n, place) < 0);
    for (int n : {8, 15, -1}) CHECK(call(Hypercall::SetDebugreg, n, 0x400) < 0);
    CHECK(traps([] { asm volatile("mov %0, %%db0" ::"r"(0xffff82d040200000)); }));
    CHECK(call(Hypercall::GetDebugreg, 0) == 0);
}

/// A grant is pinned as often as it is mapped: unmapping more often, or something else, changes nothing.
MICRO_CASE(grant_mappings_balance) {
    void* page = new_page();
    auto* const table = const_cast<volatile abi::GrantEntryV1*>(grant_table());
    table[40].domid = own_id();
    table[40].frame = static_cast<u32>(mfn_of(page));
    table[40].flags = abi::gtf_permit_access;
    if (!(start_info->flags & abi::sif_initdomain)) return; // its own number is not told
    abi::GnttabMapGrantRef map[2]{};
    for (auto& m : map) {
        void* window = new_page();
        CHECK_IS(update_va(window, 0), 0);
        m.host_addr = reinterpret_cast<u64>(window);
        m.flags = abi::gntmap_host_map;
        m.ref = 40;
    }
    CHECK_IS(call(Hypercall::GrantTableOp, abi::GrantTableOp::MapGrantRef, map, 2), 0);
    CHECK(map[0].status == 0 && map[1].status == 0);
    for (const auto& m : map) {
        CHECK(table[40].flags != abi::gtf_permit_access);
        abi::GnttabUnmapGrantRef unmap{};
        unmap.host_addr = m.host_addr + page_bytes * 100; // another place than it was mapped at
        unmap.handle = m.handle;
        CHECK_IS(call(Hypercall::GrantTableOp, abi::GrantTableOp::UnmapGrantRef, &unmap, 1), 0);
        CHECK(unmap.status < 0);
        unmap.host_addr = m.host_addr;
        CHECK_IS(call(Hypercall::GrantTableOp, abi::GrantTableOp::UnmapGrantRef, &unmap, 1), 0);
        CHECK_IS(unmap.status, 0);
        CHECK_IS(call(Hypercall::GrantTableOp, abi::GrantTableOp::UnmapGrantRef, &unmap, 1), 0);
        CHECK(unmap.status < 0);
        CHECK_IS(set_access(reinterpret_cast<void*>(m.host_addr), true), 0);
    }
    CHECK_IS(table[40].flags, abi::gtf_permit_access);
    table[40].flags = 0;
}
