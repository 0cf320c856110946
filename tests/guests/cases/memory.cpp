// SPDX-License-Identifier: Apache-2.0
// Ballooning, exchange, memory queries, grants.
#include "lib/memory.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

MICRO_CASE(m2p_range_is_told) {
    abi::MachphysMapping op{};
    CHECK_IS(memory(abi::MemoryOp::MachphysMapping, &op), 0);
    CHECK(op.v_start == 0xffff800000000000 && op.v_end == 0xffff804000000000);
}

MICRO_CASE(reservation_queries) {
    abi::MemoryDomain d{abi::domid_self};
    const long pages = memory(abi::MemoryOp::CurrentReservation, &d);
    CHECK(pages > 0 && pages <= memory(abi::MemoryOp::MaximumReservation, &d));
    CHECK(memory(abi::MemoryOp::MaximumRamPage, nullptr) > 0x1000);
    CHECK_IS(call(Hypercall::MemoryOp, 63, 0), error(Errno::NoSys));
}

MICRO_CASE(balloon_down_and_up) {
    abi::MemoryDomain d{abi::domid_self};
    const long before = memory(abi::MemoryOp::CurrentReservation, &d);
    auto* page = static_cast<u64*>(new_page());
    static u64 frame;
    frame = mfn_of(page);
    auto r = reservation(&frame);
    // A frame that is still mapped stays until its last mapping goes; it leaves the reservation then.
    CHECK_IS(update_va(page, 0), 0);
    CHECK_IS(memory(abi::MemoryOp::DecreaseReservation, &r), 1);
    CHECK_IS(memory(abi::MemoryOp::CurrentReservation, &d), before - 1);
    CHECK_IS(memory(abi::MemoryOp::DecreaseReservation, &r), 0); // not ours any more
    frame = pfn_of(page);
    CHECK_IS(memory(abi::MemoryOp::PopulatePhysmap, &r), 1);
    CHECK_IS(m2p()[frame], pfn_of(page));
    p2m()[pfn_of(page)] = frame;
    CHECK_IS(update_va(page, frame * page_bytes | kernel_rw | no_execute), 0);
    u64 sum = 0;
    for (unsigned i = 0; i < 512; ++i) sum |= page[i];
    CHECK_IS(sum, 0); // scrubbed
    CHECK_IS(memory(abi::MemoryOp::CurrentReservation, &d), before);
}

MICRO_CASE(ballooning_bad_frames) {
    static u64 frames[4] = {~u64{0}, u64{1} << 40, 0, 5};
    auto r = reservation(frames, 4);
    CHECK_IS(memory(abi::MemoryOp::DecreaseReservation, &r), 0);
    r.extent_start.address = 0xffff830000000000;
    CHECK(memory(abi::MemoryOp::DecreaseReservation, &r) <= 0);
    r = reservation(frames, 1, 40);
    CHECK(memory(abi::MemoryOp::PopulatePhysmap, &r) <= 0);
    r = reservation(frames, ~u64{0} >> 2);
    CHECK(memory(abi::MemoryOp::PopulatePhysmap, &r) <= 0);
    r = reservation(frames, 1);
    r.domid = 0x7123;
    CHECK_IS(memory(abi::MemoryOp::PopulatePhysmap, &r), 0); // extents done: none
}

MICRO_CASE(exchange_for_low_memory) {
    auto* page = static_cast<u64*>(new_page());
    static u64 in, out;
    in = mfn_of(page);
    out = pfn_of(page);
    CHECK_IS(update_va(page, 0), 0);
    abi::MemoryExchange op{};
    op.in = reservation(&in);
    op.out = reservation(&out);
    op.out.mem_flags = 32; // address bits
    CHECK_IS(memory(abi::MemoryOp::Exchange, &op), 0);
    CHECK_IS(op.nr_exchanged, 1);
    CHECK(out < u64{1} << 20);
    CHECK_IS(m2p()[out], pfn_of(page));
    p2m()[pfn_of(page)] = out;
    CHECK_IS(update_va(page, out * page_bytes | kernel_rw | no_execute), 0);
}

MICRO_CASE(failed_exchange_costs_nothing) {
    abi::MemoryDomain d{abi::domid_self};
    const long before = memory(abi::MemoryOp::CurrentReservation, &d);
    auto* page = static_cast<u64*>(new_page());
    auto* list = static_cast<u64*>(new_page());
    static u64 in;
    in = mfn_of(page);
    CHECK_IS(update_va(page, 0), 0);
    CHECK_IS(set_access(list, false), 0);
    abi::MemoryExchange op{};
    op.in = reservation(&in);
    op.out = reservation(list); // the new frame's number has no place there
    CHECK_IS(memory(abi::MemoryOp::Exchange, &op), error(Errno::Fault));
    CHECK_IS(memory(abi::MemoryOp::CurrentReservation, &d), before);
    CHECK_IS(set_access(list, true), 0);
}

MICRO_CASE(grant_sizes) {
    abi::GnttabQuerySize op{};
    op.dom = abi::domid_self;
    CHECK_IS(grant(abi::GrantTableOp::QuerySize, &op), 0);
    CHECK_IS(op.status, 0);
    CHECK(op.nr_frames >= 1 && op.max_nr_frames >= op.nr_frames);
    observe("max grant frames", op.max_nr_frames);
    u64 unused = 0;
    CHECK_IS(grant(static_cast<abi::GrantTableOp>(77), &unused), error(Errno::NoSys));
    CHECK_IS(grant(abi::GrantTableOp::QuerySize, &op, 2), error(Errno::Invalid));
}

MICRO_CASE(grant_table_limit) {
    static u64 frames[65];
    abi::GnttabSetupTable op{};
    op.dom = abi::domid_self;
    op.nr_frames = 100000;
    op.frame_list.address = reinterpret_cast<u64>(frames);
    const long result = grant(abi::GrantTableOp::SetupTable, &op);
    CHECK(result < 0 || op.status < 0);
}

MICRO_CASE(own_grant_maps_and_unmaps) {
    auto* table = grant_table();
    auto* page = static_cast<u64*>(new_page());
    auto* window = static_cast<volatile u64*>(new_page());
    page[5] = 0x5555;
    table[20] = {abi::gtf_permit_access, own_id(), static_cast<u32>(mfn_of(page))};
    CHECK_IS(update_va(const_cast<u64*>(window), 0), 0);
    abi::GnttabMapGrantRef map{};
    map.host_addr = reinterpret_cast<u64>(window);
    map.flags = abi::gntmap_host_map;
    map.ref = 20;
    map.dom = own_id();
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    CHECK_IS(map.status, 0);
    if (map.status != 0) return;
    CHECK_IS(window[5], 0x5555);
    CHECK_IS(table[20].flags, abi::gtf_permit_access | abi::gtf_reading | abi::gtf_writing);
    abi::GnttabUnmapGrantRef unmap{};
    unmap.host_addr = map.host_addr;
    unmap.handle = map.handle;
    CHECK_IS(grant(abi::GrantTableOp::UnmapGrantRef, &unmap), 0);
    CHECK_IS(unmap.status, 0);
    CHECK_IS(table[20].flags, abi::gtf_permit_access);
    CHECK(traps([&] { (void)window[5]; }));
    CHECK_IS(grant(abi::GrantTableOp::UnmapGrantRef, &unmap), 0);
    CHECK_IS(unmap.status, -4);
    table[20].flags = 0;
    CHECK_IS(set_access(const_cast<u64*>(window), true), 0);
}

MICRO_CASE(bad_grants_are_refused) {
    auto* table = grant_table();
    auto* page = new_page();
    abi::GnttabMapGrantRef map{};
    map.host_addr = reinterpret_cast<u64>(page);
    map.flags = abi::gntmap_host_map;
    map.dom = own_id();
    map.ref = 0xfffffff;
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    CHECK_IS(map.status, -3);
    map.ref = 21;
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    CHECK_IS(map.status, -1); // empty entry
    map.dom = 0x7123;
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    CHECK_IS(map.status, -2);
    map.dom = own_id();
    table[21] = {abi::gtf_permit_access | abi::gtf_readonly, own_id(), static_cast<u32>(mfn_of(page))};
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    CHECK_IS(map.status, -1); // read-only
    table[21] = {abi::gtf_permit_access, 77, static_cast<u32>(mfn_of(page))};
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    CHECK_IS(map.status, -1); // for another domain
    table[21] = {abi::gtf_permit_access, own_id(), 0xfffffff0};
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    CHECK(map.status < 0);
    table[21].flags = 0;
    abi::GnttabUnmapGrantRef unmap{};
    unmap.handle = 0xffffffff;
    CHECK_IS(grant(abi::GrantTableOp::UnmapGrantRef, &unmap), 0);
    CHECK_IS(unmap.status, -4);
}

MICRO_CASE(grant_copy_moves_bytes) {
    auto* table = grant_table();
    auto* from = static_cast<u8*>(new_page());
    auto* to = static_cast<u8*>(new_page());
    from[100] = 0x42;
    table[22] = {abi::gtf_permit_access | abi::gtf_readonly, own_id(), static_cast<u32>(mfn_of(from))};
    abi::GnttabCopy op{};
    op.source.u.ref = 22;
    op.source.domid = own_id();
    op.source.offset = 96;
    op.dest.u.gmfn = mfn_of(to);
    op.dest.domid = abi::domid_self;
    op.dest.offset = 4;
    op.len = 8;
    op.flags = abi::gntcopy_source_gref;
    CHECK_IS(grant(abi::GrantTableOp::Copy, &op), 0);
    CHECK_IS(op.status, 0);
    CHECK_IS(to[8], 0x42);
    op.dest.offset = 4090;
    CHECK_IS(grant(abi::GrantTableOp::Copy, &op), 0);
    CHECK_IS(op.status, -10);
    op.dest.offset = 0;
    op.dest.u.gmfn = ~u64{0} >> 12;
    CHECK_IS(grant(abi::GrantTableOp::Copy, &op), 0);
    CHECK(op.status < 0);
    table[22].flags = 0;
}
