// SPDX-License-Identifier: Apache-2.0
// Whose frames a table may map: as dom0, with domains made for it.
#include "lib/domains.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {

u64 entry_of(u64 mfn, u64 flags = kernel_rw) { return mfn * page_bytes | flags | no_execute; }

/// mmu_update of an entry with the frames' owner in the low half of its last argument.
long update_named(const void* entry, u64 value, u32 owner) {
    abi::MmuUpdate request{machine_address(entry), value};
    return call(Hypercall::MmuUpdate, &request, 1, 0, owner);
}

/// Clears a frame, of that owner.
long clear_named(u64 frame, u16 owner) {
    abi::MmuextOp op{};
    op.cmd = static_cast<u32>(abi::MmuextCommand::ClearPage);
    op.arg1.mfn = frame;
    return call(Hypercall::MmuextOp, &op, 1, 0, owner);
}

} // namespace

/// A frame of another domain is mapped by who names that domain, and by nobody else.
MICRO_CASE(foreign_frames_are_named) {
    make_domain(5, 8);
    make_domain(6, 8);
    const u64 frame = populate(5), other = populate(6);
    CHECK(frame != 0 && other != 0);
    void* page = new_page();
    const u64 own = mfn_of(page);
    u64* const entry = entry_for(reinterpret_cast<u64>(page));
    const auto try_all = [&](u64 flags, const char* const(&names)[7]) {
        const u64 foreign = entry_of(frame, flags);
        observe(names[0], update_va(page, foreign));
        observe(names[1], update_va_of(0, page, foreign));
        observe(names[2], update_named(entry, foreign, abi::domid_self));
        observe(names[3], update_va_of(6, page, foreign));
        observe(names[4], update_va_of(abi::domid_io, page, foreign));
        observe(names[5], update_va_of(abi::domid_xen, page, foreign));
        observe(names[6], update_va_of(5, page, entry_of(own, flags)));
        CHECK_IS(*entry & frame_mask, own * page_bytes);
    };
    try_all(kernel_rw, {"foreign frame as one's own", "foreign frame as one's own by number",
                        "foreign frame as one's own, mmu_update", "foreign frame as a third one's",
                        "foreign frame as a device's", "foreign frame as the hypervisor's", "own frame as another's"});
    try_all(kernel_ro, {"foreign frame as one's own, read-only", "foreign frame as one's own by number, read-only",
                        "foreign frame as one's own, mmu_update, read-only",
                        "foreign frame as a third one's, read-only", "foreign frame as a device's, read-only",
                        "foreign frame as the hypervisor's, read-only", "own frame as another's, read-only"});
    observe("grant table as one's own", update_va(page, entry_of(grant_frame(5))));
    // In a table that is checked as a whole.
    auto* table = static_cast<u64*>(new_page());
    table[7] = entry_of(frame);
    CHECK_IS(set_access(table, false), 0);
    observe("foreign frame in a table", mmuext(abi::MmuextCommand::PinL1Table, mfn_of(table)));
    CHECK_IS(set_access(table, true), 0);
    // As the tools do it.
    CHECK_IS(update_va_of(5, page, entry_of(frame)), 0);
    *static_cast<volatile u64*>(page) = 42;
    CHECK_IS(update_va_of(6, page, entry_of(other)), 0);
    *static_cast<volatile u64*>(page) = 43;
    CHECK_IS(update_named(entry, entry_of(frame, kernel_ro), 5), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::InvlpgLocal, reinterpret_cast<u64>(page)), 0);
    CHECK_IS(*static_cast<volatile u64*>(page), 42);
    observe("oneself by number, mmu_update", call(Hypercall::MmuUpdate, 0, 0, 0, 0));
    observe("oneself by number, tables", call(Hypercall::MmuUpdate, 0, 0, 0, 1 << 16 | abi::domid_self));
    observe("oneself by number, mmuext_op", call(Hypercall::MmuextOp, 0, 0, 0, 0));
    CHECK_IS(update_va(page, entry_of(own)), 0);
    for (const u16 number : {5, 6}) {
        CHECK_IS(destroy_domain(number), 0);
        CHECK(is_gone(number));
    }
}

/// Shared pages of a dead domain that somebody still maps never belong to the next domain of that number.
MICRO_CASE(shared_pages_of_the_dead_are_nobodys) {
    make_domain(5, 8);
    const u64 shared = grant_frame(5);
    void *first = new_page(), *second = new_page();
    const u64 own_first = mfn_of(first), own_second = mfn_of(second);
    CHECK_IS(update_va_of(5, first, entry_of(shared)), 0);
    *static_cast<volatile u64*>(first) = 42;
    CHECK_IS(destroy_domain(5), 0);
    for (unsigned i = 0; i < 1000; ++i) call(Hypercall::SchedOp, abi::SchedOp::Yield, 0);
    // Either the number is not free yet, or the page is not the new domain's.
    if (create_domain(5) == 0) {
        CHECK(update_va_of(5, second, entry_of(shared)) < 0);
        CHECK(update_va_of(5, second, entry_of(shared, kernel_ro)) < 0);
        CHECK_IS(destroy_domain(5), 0);
    }
    CHECK(clear_named(shared, abi::domid_xen) < 0); // whose it is now
    CHECK_IS(*static_cast<volatile u64*>(first), 42);
    CHECK_IS(update_va(first, entry_of(own_first)), 0);
    CHECK_IS(update_va(second, entry_of(own_second)), 0);
    CHECK(is_gone(5));
    CHECK_IS(create_domain(5), 0);
    CHECK_IS(destroy_domain(5), 0);
    CHECK(is_gone(5));
}

/// Registers that are set for a vCPU are taken whole or not at all.
MICRO_CASE(extended_state_that_cannot_be_read_changes_nothing) {
    static abi::Domctl op;
    constexpr u64 x87_and_sse = 3, size = 16 + 576; // XCR0 twice, the legacy part, the header
    constexpr unsigned at_area = 16, at_mxcsr = at_area + 24, at_register = at_area + 160, at_present = at_area + 512;
    make_domain(5, 8);
    op.u.max_vcpus.max = 1;
    CHECK_IS(domctl(abi::DomctlCommand::MaxVcpus, 5, op), 0);
    const auto act = [](abi::DomctlCommand command, const void* buffer, u64 bytes, u64 mask) {
        memset(&op, 0, sizeof op);
        op.u.vcpuextstate.xfeature_mask = mask;
        op.u.vcpuextstate.size = bytes;
        op.u.vcpuextstate.buffer.address = reinterpret_cast<u64>(buffer);
        return domctl(command, 5, op);
    };
    u8 *const whole = static_cast<u8*>(new_page()), *const cut = static_cast<u8*>(new_page()),
              *const hole = static_cast<u8*>(new_page());
    CHECK(hole == cut + page_bytes);
    const auto put = [&](unsigned at, u64 value) { memcpy(whole + at, &value, sizeof value); };
    put(0, x87_and_sse);
    put(8, x87_and_sse);
    put(at_present, x87_and_sse);
    put(at_mxcsr, 0x1f80);
    memset(whole + at_register, 0x5a, 16);
    CHECK_IS(act(abi::DomctlCommand::SetVcpuExtState, whole, size, x87_and_sse), 0);
    // The same but for that register, with its end where nothing is mapped.
    u8* const broken = hole - size + 64;
    memcpy(broken, whole, size - 64);
    memset(broken + at_register, 0x33, 16);
    const u64 own = mfn_of(hole);
    CHECK_IS(update_va(hole, 0), 0);
    CHECK_IS(act(abi::DomctlCommand::SetVcpuExtState, broken, size, x87_and_sse), error(Errno::Fault));
    CHECK_IS(update_va(hole, entry_of(own)), 0);
    CHECK_IS(act(abi::DomctlCommand::GetVcpuExtState, nullptr, 0, 0), 0);
    const u64 now = op.u.vcpuextstate.size;
    memset(whole, 0, page_bytes);
    CHECK(now >= size && now <= page_bytes);
    CHECK_IS(act(abi::DomctlCommand::GetVcpuExtState, whole, now, op.u.vcpuextstate.xfeature_mask), 0);
    CHECK_IS(*reinterpret_cast<u64*>(whole), x87_and_sse);
    for (unsigned i = 0; i < 16; ++i) CHECK_IS(whole[at_register + i], 0x5a);
    CHECK_IS(destroy_domain(5), 0);
    CHECK(is_gone(5));
}
