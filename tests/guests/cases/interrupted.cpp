// SPDX-License-Identifier: Apache-2.0
// What a guest does while a long call of its own is interrupted: it gets its events then, and may make other calls.
#include "lib/micro.hpp"

using namespace micro;
using abi::Hypercall;

namespace {

constexpr u64 table_flags = present | writable | user | accessed;
constexpr unsigned branches = 40;

/// A level 3 table, and under each of its first entries one of level 2 and one of level 1.
u64 *top, *middle[branches], *bottom[branches];
u32 port;
volatile bool wants_update;
long updated;

u64 entry_to(const u64* table) { return mfn_of(table) * page_bytes | table_flags; }

u64* new_table() {
    auto* table = static_cast<u64*>(new_page());
    CHECK_IS(set_access(table, false), 0);
    return table;
}

/// A word of a page that is mapped read-only here, whatever the page is.
long put(u64* place, u64 value) { return mmu_update(place, value); }

void make_tree() {
    top = new_table();
    for (unsigned i = 0; i < branches; ++i) {
        middle[i] = new_table();
        bottom[i] = new_table();
        CHECK_IS(put(&middle[i][0], entry_to(bottom[i])), 0);
        CHECK_IS(put(&top[i], entry_to(middle[i])), 0);
    }
}

void bind_timer() {
    call(Hypercall::VcpuOp, abi::VcpuOp::StopPeriodicTimer, 0, 0);
    abi::EvtchnBindVirq bind{static_cast<u32>(abi::Virq::Timer), 0, 0};
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindVirq, &bind), 0);
    port = bind.port;
    shared_info->evtchn_mask[port / 64] &= ~(u64{1} << (port % 64));
}

void forget_event() {
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(u64{1} << (port % 64)), __ATOMIC_SEQ_CST);
    vcpu_info().evtchn_pending_sel = 0;
    vcpu_info().evtchn_upcall_pending = 0;
}

/// Takes the table out of the branch that a release comes to last.
void update_in_upcall(Frame& frame) {
    if (frame.vector != 0x200) return;
    forget_event();
    if (wants_update) updated = put(&middle[0][0], 0);
    wants_update = false;
}

/// Releases the tree, with the timer's event after so many nanoseconds. True: it came before the call was over.
bool release_with_event_after(u64 delay) {
    CHECK_IS(mmuext(abi::MmuextCommand::PinL3Table, mfn_of(top)), 0);
    forget_event();
    wants_update = true;
    updated = 0;
    abi::VcpuSetSingleshotTimer timer{system_time() + delay, 0};
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::SetSingleshotTimer, 0, &timer), 0);
    vcpu_info().evtchn_upcall_mask = 0;
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(top)), 0);
    vcpu_info().evtchn_upcall_mask = 1;
    const bool came = !wants_update;
    wants_update = false;
    return came;
}

} // namespace

/// An update that comes while a release is interrupted, in a table that the rest of that release drops, is judged by
/// what the table is then: nothing is dropped twice.
MICRO_CASE(updates_while_a_release_is_interrupted) {
    make_tree();
    bind_timer();
    trap_hook = update_in_upcall;
    constexpr unsigned rounds = 40;
    constexpr u64 never = 60'000'000'000;
    release_with_event_after(never);
    const u64 start = system_time();
    release_with_event_after(never);
    const u64 whole = system_time() - start; // checking it included
    unsigned came = 0;
    for (unsigned i = 0; i < rounds; ++i) {
        came += release_with_event_after(whole * i / rounds);
        CHECK_IS(updated, 0);
        // Both are ordinary pages now.
        CHECK_IS(put(&middle[0][0], 0), 0);
        for (u64* page : {middle[0], bottom[0]}) {
            CHECK_IS(set_access(page, true), 0);
            CHECK_IS(set_access(page, false), 0);
        }
        CHECK_IS(put(&middle[0][0], entry_to(bottom[0])), 0);
    }
    CHECK(came > 0);
    call(Hypercall::VcpuOp, abi::VcpuOp::StopSingleshotTimer, 0, 0);
    forget_event();
    abi::EvtchnClose close{port};
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close), 0);
    for (u64* page : {top, middle[0], bottom[0]}) CHECK_IS(set_access(page, true), 0);
}
