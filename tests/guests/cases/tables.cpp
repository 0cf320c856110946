// SPDX-License-Identifier: Apache-2.0
// Page-type rules: what a guest may do with its page tables, and attacks that must fail.
#include "lib/micro.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {
/// A frame of the hypervisor: the one behind some L4 slot of ours.
u64 hypervisor_frame() {
    auto* l4 = reinterpret_cast<u64*>(start_info->pt_base);
    return (l4[261] & frame_mask) / page_bytes;
}
long map_frame(void* at, u64 mfn, u64 flags = kernel_rw | no_execute) {
    return update_va(at, mfn * page_bytes | flags);
}
} // namespace

/// For a host whose CPU has L1TF, with pv-l1tf=dom0.
MICRO_CASE_ALONE(absent_entries_that_point_to_memory) {
    auto* page = static_cast<u64*>(new_page());
    const u64 entry = *entry_for(reinterpret_cast<u64>(page));
    const u64 frame = entry & frame_mask;
    CHECK_IS(update_va(page, frame | writable), error(Errno::Perm));
    CHECK_IS(update_va(page, frame), error(Errno::Perm));
    CHECK_IS(mmu_update(entry_for(reinterpret_cast<u64>(page)), frame), error(Errno::Perm));
    CHECK(!traps([&] { *page = 1; })); // it is mapped as before
    CHECK(traps([&] { *const_cast<volatile u64*>(entry_for(reinterpret_cast<u64>(page))) = frame; }));
    // Linux inverts the address of what it takes away, so that it lies above all memory.
    CHECK_IS(update_va(page, ~frame & frame_mask), 0);
    CHECK(traps([&] { *page = 1; }));
    CHECK_IS(update_va(page, 0), 0);
    CHECK_IS(update_va(page, entry), 0);
    // A table that has one when it is checked.
    auto* table = static_cast<u64*>(new_page());
    table[511] = frame;
    CHECK_IS(set_access(table, false), 0);
    CHECK(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(table)) != 0);
    CHECK(mmuext(abi::MmuextCommand::PinL2Table, mfn_of(table)) != 0);
}

MICRO_CASE(m2p_is_readable_and_right) {
    for (u64 pfn = 0; pfn < start_info->nr_pages; pfn += 97)
        if (p2m()[pfn] != ~u64{0}) CHECK_IS(m2p()[p2m()[pfn]], pfn);
}

MICRO_CASE(m2p_is_not_writable) {
    auto* place = const_cast<volatile u64*>(m2p() + p2m()[300]);
    CHECK(traps([&] { *place = 1; }));
    CHECK_IS(last_trap.vector, 14);
    CHECK_IS(last_trap.error_code, 3);
}

MICRO_CASE(hypervisor_addresses_are_not_readable) {
    for (u64 address : {0xffff82d040200000, 0xffff830000000000, 0xffff82e000000000}) {
        CHECK(traps([&] { (void)*reinterpret_cast<volatile u64*>(address); }));
        CHECK_IS(last_trap.vector, 14);
        CHECK_IS(last_trap.error_code & ~u64{1}, 0);
    }
}

MICRO_CASE(page_tables_cannot_be_mapped_writable) {
    void* page = new_page();
    u64* l1 = table_for(reinterpret_cast<u64>(page), 1);
    CHECK(map_frame(page, mfn_of(l1)) < 0);
    CHECK_IS(map_frame(page, mfn_of(l1), kernel_ro | no_execute), 0);
    CHECK_IS(*static_cast<u64*>(page), *l1);
    CHECK(map_frame(page, mfn_of(reinterpret_cast<u64*>(start_info->pt_base))) < 0);
    CHECK_IS(set_access(page, true), 0);
}

/// dom0 may map RAM with any memory type (its drivers do). What it wrote so is what a table is checked by; the
/// attributes stay the entry's, and an entry that differs in them alone is judged like any other.
MICRO_CASE(frames_mapped_past_caches_become_page_tables) {
    auto* table = static_cast<u64*>(new_page());
    void* const target = new_page();
    const u64 good = mfn_of(target) * page_bytes | kernel_ro | no_execute, bad = hypervisor_frame() * page_bytes | 3;
    for (u64 attribute : {u64{0x08}, u64{0x10}, u64{0x18}, u64{0x80}, u64{0x88}, u64{0x90}, u64{0x98}}) {
        CHECK_IS(map_frame(table, mfn_of(table), kernel_rw | no_execute | attribute), 0);
        table[1] = good;
        table[2] = bad;
        CHECK(map_frame(table, mfn_of(table), kernel_ro | no_execute | attribute) == 0);
        CHECK_IS(*entry_for(reinterpret_cast<u64>(table)) & 0x98, attribute);
        CHECK(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(table)) < 0);
        CHECK_IS(mmu_update(&table[2], 0), 0);
        CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(table)), 0);
        CHECK(map_frame(table, mfn_of(table), kernel_rw | no_execute | attribute) < 0);
        CHECK_IS(map_frame(table, mfn_of(table), kernel_ro | no_execute), 0);
        CHECK_IS(mmu_update(&table[1], good | attribute), 0);
        CHECK_IS(table[1] & 0x98, attribute);
        CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(table)), 0);
    }
    CHECK_IS(set_access(table, true), 0);
}

MICRO_CASE(writable_frames_cannot_become_page_tables) {
    auto* page = static_cast<u64*>(new_page());
    CHECK(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(page)) < 0);
    CHECK_IS(set_access(page, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(page)), 0);
    CHECK(set_access(page, true) < 0);
    CHECK(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(page)) < 0);
    CHECK(mmuext(abi::MmuextCommand::PinL2Table, mfn_of(page)) < 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(page)), 0);
    CHECK(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(page)) < 0);
    CHECK_IS(set_access(page, true), 0);
}

MICRO_CASE(pinning_checks_the_contents) {
    auto* page = static_cast<u64*>(new_page());
    page[7] = hypervisor_frame() * page_bytes | kernel_rw;
    CHECK_IS(set_access(page, false), 0);
    CHECK(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(page)) < 0);
    CHECK_IS(set_access(page, true), 0);
    page[7] = mfn_of(page) * page_bytes | kernel_rw; // maps itself writable
    CHECK_IS(set_access(page, false), 0);
    CHECK(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(page)) < 0);
    CHECK_IS(set_access(page, true), 0);
    page[7] = u64{1} << 51 | kernel_rw; // no such frame
    CHECK_IS(set_access(page, false), 0);
    CHECK(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(page)) < 0);
    CHECK_IS(set_access(page, true), 0);
    page[7] = 0x7ffff01234560; // not present: anything goes that is no memory
    CHECK_IS(set_access(page, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(page)), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(page)), 0);
}

MICRO_CASE(pinning_upper_tables_checks_levels) {
    auto* l2 = static_cast<u64*>(new_page());
    auto* data = static_cast<u64*>(new_page());
    l2[0] = mfn_of(data) * page_bytes | present | writable | user; // data is mapped writable: no page table
    CHECK_IS(set_access(l2, false), 0);
    CHECK(mmuext(abi::MmuextCommand::PinL2Table, mfn_of(l2)) < 0);
    CHECK_IS(set_access(l2, true), 0);
    l2[0] = mfn_of(data) * page_bytes | present | writable | user | 0x80; // superpage
    CHECK_IS(set_access(l2, false), 0);
    CHECK(mmuext(abi::MmuextCommand::PinL2Table, mfn_of(l2)) < 0);
    CHECK_IS(set_access(l2, true), 0);
    l2[0] = mfn_of(data) * page_bytes | present | writable | user;
    CHECK_IS(set_access(data, false), 0);
    CHECK_IS(set_access(l2, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL2Table, mfn_of(l2)), 0);
    CHECK(set_access(data, true) < 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(l2)), 0);
    CHECK_IS(set_access(data, true), 0);
    CHECK_IS(set_access(l2, true), 0);
}

MICRO_CASE(pinning_what_is_not_the_guests) {
    CHECK(mmuext(abi::MmuextCommand::PinL1Table, hypervisor_frame()) < 0);
    CHECK(mmuext(abi::MmuextCommand::PinL1Table, 0) < 0);
    CHECK(mmuext(abi::MmuextCommand::PinL1Table, u64{1} << 40) < 0);
    CHECK(mmuext(abi::MmuextCommand::PinL4Table, ~u64{0}) < 0);
    CHECK(mmuext(abi::MmuextCommand::UnpinTable, hypervisor_frame()) < 0);
    CHECK(mmuext(abi::MmuextCommand::UnpinTable, ~u64{0}) < 0);
}

MICRO_CASE(hypervisor_frames_cannot_be_mapped) {
    void* page = new_page();
    CHECK(map_frame(page, hypervisor_frame()) < 0);
    CHECK(map_frame(page, u64{1} << 39) < 0);
    CHECK_IS(set_access(page, true), 0);
}

MICRO_CASE(update_va_refuses_hypervisor_addresses) {
    void* page = new_page();
    for (u64 address : {0xffff800000000000, 0xffff830000000000, 0xffff87fffffff000})
        CHECK(update_va(reinterpret_cast<void*>(address), mfn_of(page) * page_bytes | kernel_rw) < 0);
    CHECK(update_va(reinterpret_cast<void*>(0x8000000000000000), 0) < 0);
}

MICRO_CASE(update_va_without_table_fails) {
    CHECK_IS(update_va(reinterpret_cast<void*>(0x100000000000), 0), error(Errno::Invalid));
}

MICRO_CASE(mmu_update_changes_one_entry) {
    auto* page = static_cast<volatile u64*>(new_page());
    auto* other = static_cast<volatile u64*>(new_page());
    *other = 0x77;
    u64* entry = entry_for(reinterpret_cast<u64>(page));
    const u64 before = *entry;
    CHECK_IS(mmu_update(entry, mfn_of(const_cast<u64*>(other)) * page_bytes | kernel_rw | no_execute), 0);
    mmuext(abi::MmuextCommand::TlbFlushLocal);
    CHECK_IS(*page, 0x77);
    CHECK_IS(mmu_update(entry, before), 0);
    mmuext(abi::MmuextCommand::InvlpgLocal, reinterpret_cast<u64>(page));
    CHECK_IS(*page, 0);
}

MICRO_CASE(mmu_update_refuses_nonsense) {
    u64* entry = entry_for(reinterpret_cast<u64>(new_page()));
    CHECK(mmu_update(entry, hypervisor_frame() * page_bytes | kernel_rw) < 0);
    observe("mmu_update of no known kind", mmu_update(entry, *entry, 3));
    observe("mmu_update with a protection key", mmu_update(entry, *entry | u64{1} << 59));
    abi::MmuUpdate op{u64{1} << 60, 0};
    CHECK(call(Hypercall::MmuUpdate, &op, 1, 0, abi::domid_self) < 0);
    op = {hypervisor_frame() * page_bytes, 0};
    CHECK(call(Hypercall::MmuUpdate, &op, 1, 0, abi::domid_self) < 0);
    op = {machine_address(entry), *entry};
    CHECK(call(Hypercall::MmuUpdate, &op, 1, 0, 0x7123) < 0);
}

MICRO_CASE(mmu_update_counts_what_it_did) {
    void* a = new_page();
    u64* entry = entry_for(reinterpret_cast<u64>(a));
    static abi::MmuUpdate ops[3];
    static u32 done;
    ops[0] = {machine_address(entry), *entry};
    ops[1] = {machine_address(entry), hypervisor_frame() * page_bytes | kernel_rw};
    ops[2] = ops[0];
    done = 99;
    CHECK(call(Hypercall::MmuUpdate, ops, 3, &done, abi::domid_self) < 0);
    CHECK_IS(done, 1);
}

MICRO_CASE(machphys_update_sets_m2p) {
    void* page = new_page();
    const u64 mfn = mfn_of(page);
    abi::MmuUpdate op{mfn * page_bytes | 1, 0x123456};
    CHECK_IS(call(Hypercall::MmuUpdate, &op, 1, 0, abi::domid_self), 0);
    CHECK_IS(m2p()[mfn], 0x123456);
    op.val = pfn_of(page);
    CHECK_IS(call(Hypercall::MmuUpdate, &op, 1, 0, abi::domid_self), 0);
    CHECK_IS(m2p()[mfn], pfn_of(page));
    op.ptr = hypervisor_frame() * page_bytes | 1;
    CHECK(call(Hypercall::MmuUpdate, &op, 1, 0, abi::domid_self) < 0);
}

MICRO_CASE(writes_to_page_tables_are_emulated) {
    auto* page = static_cast<volatile u64*>(new_page());
    auto* other = static_cast<volatile u64*>(new_page());
    *other = 0x99;
    CHECK_IS(call(Hypercall::VmAssist, 0, 2), 0);
    volatile u64* entry = entry_for(reinterpret_cast<u64>(page));
    const u64 before = *entry;
    CHECK(!traps([&] { *entry = mfn_of(const_cast<u64*>(other)) * page_bytes | kernel_rw | no_execute; }));
    mmuext(abi::MmuextCommand::TlbFlushLocal);
    CHECK_IS(*page, 0x99);
    CHECK(!traps([&] {
        u64 swapped = before;
        asm volatile("xchg %0, %1" : "+r"(swapped), "+m"(*entry));
    }));
    mmuext(abi::MmuextCommand::TlbFlushLocal);
    CHECK_IS(*page, 0);
    // Clearing the writable bit in place, as fork does.
    CHECK(!traps([&] { asm volatile("lock btrq $1, %0" : "+m"(*entry)); }));
    CHECK_IS(set_access(const_cast<u64*>(page), true), 0);
}

MICRO_CASE(emulated_writes_obey_the_rules) {
    CHECK_IS(call(Hypercall::VmAssist, 0, 2), 0);
    volatile u64* entry = entry_for(reinterpret_cast<u64>(new_page()));
    const u64 before = *entry;
    CHECK(traps([&] { *entry = hypervisor_frame() * page_bytes | kernel_rw; }));
    CHECK_IS(last_trap.vector, 14);
    CHECK_IS(*entry, before);
}

MICRO_CASE(l4_slots_of_the_hypervisor_are_closed) {
    auto* l4 = reinterpret_cast<u64*>(start_info->pt_base);
    for (unsigned slot : {256u, 257u, 260u, 261u, 262u, 271u}) CHECK(mmu_update(&l4[slot], 0) < 0);
    CHECK_IS(mmu_update(&l4[272], 0), 0);
}

MICRO_CASE(new_base_pointer) {
    auto* l4 = static_cast<u64*>(new_page());
    auto* old = reinterpret_cast<u64*>(start_info->pt_base);
    CHECK(mmuext(abi::MmuextCommand::NewBaseptr, mfn_of(l4)) < 0); // mapped writable
    l4[511] = old[511];
    CHECK_IS(set_access(l4, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::NewBaseptr, mfn_of(l4)), 0);
    CHECK(traps([&] { *static_cast<volatile u64*>(l4) = 0; }));
    CHECK_IS(mmuext(abi::MmuextCommand::NewBaseptr, mfn_of(old)), 0);
    CHECK_IS(set_access(l4, true), 0);
    CHECK(mmuext(abi::MmuextCommand::NewBaseptr, hypervisor_frame()) < 0);
}

MICRO_CASE(linear_page_tables_are_read_only) {
    auto* l4 = reinterpret_cast<u64*>(start_info->pt_base);
    CHECK(mmu_update(&l4[100], mfn_of(l4) * page_bytes | present | writable | user) < 0);
    const long result = mmu_update(&l4[100], mfn_of(l4) * page_bytes | present | user);
    observe("read-only linear map", result);
    CHECK_IS(mmu_update(&l4[100], 0), 0);
}

/// Through an entry of the top-level table that maps the table itself its guest's entries can be read, and followed.
MICRO_CASE(linear_page_tables_show_the_guests_entries) {
    constexpr u64 slot = 100;
    auto* l4 = reinterpret_cast<u64*>(start_info->pt_base);
    CHECK_IS(mmu_update(&l4[slot], mfn_of(l4) * page_bytes | present | user), 0);
    const auto entry_at = [](u64 a, u64 b, u64 c, u64 d, u64 index) {
        return *reinterpret_cast<volatile u64*>(a << 39 | b << 30 | c << 21 | d << 12 | index * 8);
    };
    CHECK_IS(entry_at(slot, slot, slot, slot, 511) & ~accessed, l4[511] & ~accessed);
    const u64 address = reinterpret_cast<u64>(l4);
    const u64* l3 = table_for(address, 3);
    CHECK_IS(entry_at(slot, slot, slot, 511, index_at(address, 3)), l3[index_at(address, 3)]);
    CHECK(traps([&] { (void)entry_at(slot, slot, slot, 262, 0); })); // not the hypervisor's tables
    CHECK(traps([&] { *reinterpret_cast<volatile u64*>(slot << 39 | slot << 30 | slot << 21 | slot << 12) = 0; }));
    CHECK_IS(mmu_update(&l4[slot], 0), 0);
}

MICRO_CASE(pages_in_use_as_gdt_are_not_writable) {
    auto* gdt = static_cast<u64*>(new_page());
    const u64 frame = mfn_of(gdt);
    CHECK(call(Hypercall::SetGdt, &frame, 512) < 0); // mapped writable
    CHECK_IS(set_access(gdt, false), 0);
    CHECK_IS(call(Hypercall::SetGdt, &frame, 512), 0);
    CHECK(set_access(gdt, true) < 0);
    CHECK_IS(call(Hypercall::SetGdt, &frame, 0), 0);
    CHECK_IS(set_access(gdt, true), 0);
    CHECK_IS(call(Hypercall::SetGdt, &frame, 8192), error(Errno::Invalid));
}

MICRO_CASE(gdt_descriptors_are_judged) {
    auto* gdt = static_cast<u64*>(new_page());
    gdt[5] = 0x00cf9a000000ffff;                // code, DPL 0
    gdt[6] = 0x0000ec0000000000 | 0xe033 << 16; // call gate, DPL 3
    const u64 frame = mfn_of(gdt);
    CHECK_IS(set_access(gdt, false), 0);
    const long result = call(Hypercall::SetGdt, &frame, 512);
    observe("gdt with ring 0 code and a call gate", result);
    if (result == 0) CHECK_IS(call(Hypercall::SetGdt, &frame, 0), 0);
}

MICRO_CASE(update_descriptor_checks) {
    auto* gdt = static_cast<u64*>(new_page());
    const u64 frame = mfn_of(gdt);
    CHECK_IS(set_access(gdt, false), 0);
    CHECK_IS(call(Hypercall::SetGdt, &frame, 512), 0);
    const u64 at = frame * page_bytes;
    CHECK_IS(call(Hypercall::UpdateDescriptor, at + 8, 0x00cff2000000ffff), 0); // data, DPL 3
    CHECK_IS(gdt[1], 0x00cff2000000ffff);
    CHECK_IS(call(Hypercall::UpdateDescriptor, at + 4, 0), error(Errno::Invalid));
    CHECK(call(Hypercall::UpdateDescriptor, at + 16, 0x0000e90000000000) < 0); // TSS
    CHECK(call(Hypercall::UpdateDescriptor, hypervisor_frame() * page_bytes, 0) < 0);
    CHECK(call(Hypercall::UpdateDescriptor, u64{1} << 60, 0) < 0);
    CHECK_IS(call(Hypercall::SetGdt, &frame, 0), 0);
}

MICRO_CASE(ldt_is_loaded_when_touched) {
    auto* ldt = static_cast<u64*>(new_page());
    ldt[2] = 0x00cff2000000ffff;
    CHECK_IS(set_access(ldt, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::SetLdt, reinterpret_cast<u64>(ldt), 512), 0);
    CHECK(!traps([] { asm volatile("mov %0, %%es" ::"r"(2 << 3 | 7)); }));
    CHECK(traps([] { asm volatile("mov %0, %%es" ::"r"(3 << 3 | 7)); }));
    CHECK_IS(last_trap.vector, 11 + 2); // an empty descriptor: #GP
    asm volatile("mov %0, %%es" ::"r"(0));
    CHECK_IS(mmuext(abi::MmuextCommand::SetLdt, 0, 0), 0);
    CHECK(mmuext(abi::MmuextCommand::SetLdt, 0xffff830000000000, 512) < 0);
}

MICRO_CASE(unknown_mmuext_is_refused) {
    abi::MmuextOp op{};
    op.cmd = 99;
    CHECK(call(Hypercall::MmuextOp, &op, 1, 0, abi::domid_self) < 0);
    CHECK(call(Hypercall::MmuextOp, &op, 1, 0, 0x7123) < 0);
}

MICRO_CASE(clear_and_copy_page) {
    auto* a = static_cast<u64*>(new_page());
    auto* b = static_cast<u64*>(new_page());
    a[3] = 5;
    CHECK_IS(mmuext(abi::MmuextCommand::CopyPage, mfn_of(b), mfn_of(a)), 0);
    CHECK_IS(b[3], 5);
    CHECK_IS(mmuext(abi::MmuextCommand::ClearPage, mfn_of(b)), 0);
    CHECK_IS(b[3], 0);
    CHECK(mmuext(abi::MmuextCommand::ClearPage, hypervisor_frame()) < 0);
}

/// dom0 may read the machine-to-physical table's frames, as the hypervisor's: it may not write to them in any way.
MICRO_CASE(offered_frames_are_for_reading) {
    static u64 frame;
    abi::MachphysMfnList list{};
    list.max_extents = 1;
    list.extent_start.address = reinterpret_cast<u64>(&frame);
    CHECK_IS(call(Hypercall::MemoryOp, abi::MemoryOp::MachphysMfnList, &list), 0);
    const u64 first = m2p()[mfn_of(&frame)];
    const auto operate = [](abi::MmuextCommand command, u64 to, u64 from) {
        abi::MmuextOp op{};
        op.cmd = static_cast<u32>(command);
        op.arg1.mfn = to;
        op.arg2.src_mfn = from;
        return call(Hypercall::MmuextOp, &op, 1, 0, abi::domid_xen);
    };
    auto* const page = static_cast<u64*>(new_page());
    for (const u64 n : {u64{0}, u64{1}, mfn_of(page) / 512 % 512}) {
        CHECK_IS(operate(abi::MmuextCommand::ClearPage, frame + n, 0), error(Errno::Invalid));
        CHECK_IS(operate(abi::MmuextCommand::CopyPage, frame + n, frame + 2), error(Errno::Invalid));
        CHECK(call(Hypercall::UpdateVaMappingOtherdomain, page, (frame + n) * page_bytes | kernel_rw | no_execute, 0,
                   abi::domid_xen) < 0);
    }
    observe("frame of the M2P, for reading",
            call(Hypercall::UpdateVaMappingOtherdomain, page, frame * page_bytes | kernel_ro | no_execute,
                 abi::uvmf_invlpg, abi::domid_xen));
    CHECK_IS(m2p()[mfn_of(&frame)], first);
    CHECK_IS(set_access(page, true), 0);
}
