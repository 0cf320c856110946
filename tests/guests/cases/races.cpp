// SPDX-License-Identifier: Apache-2.0
// Two vCPUs that change the same things at the same time. Nothing to see on a machine with one.
#include "lib/race.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {

u64* contended;
} // namespace

/// One pins and unpins a page as a page table while the other maps it writable.
MICRO_CASE(race_of_pin_and_writable_mapping) {
    contended = static_cast<u64*>(new_page());
    race(
        [] {
            while (!second_ends) set_access(contended, true), set_access(contended, false);
        },
        [] {
            if (mmuext(abi::MmuextCommand::PinL1Table, mfn_of(contended)) != 0) return;
            const u64 entry = *entry_for(reinterpret_cast<u64>(contended));
            CHECK(!(entry & writable)); // a page table that its owner can write
            CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(contended)), 0);
        });
    CHECK_IS(set_access(contended, true), 0);
}

/// Both pin the same page at different levels.
MICRO_CASE(race_of_levels) {
    contended = static_cast<u64*>(new_page());
    CHECK_IS(set_access(contended, false), 0);
    race(
        [] {
            while (!second_ends)
                if (mmuext(abi::MmuextCommand::PinL2Table, mfn_of(contended)) == 0)
                    mmuext(abi::MmuextCommand::UnpinTable, mfn_of(contended));
        },
        [] {
            if (mmuext(abi::MmuextCommand::PinL1Table, mfn_of(contended)) == 0)
                mmuext(abi::MmuextCommand::UnpinTable, mfn_of(contended));
        });
    mmuext(abi::MmuextCommand::UnpinTable, mfn_of(contended));
    CHECK_IS(set_access(contended, true), 0);
}

/// Both bind, send on and close ports: no port is given to both.
MICRO_CASE(race_for_ports) {
    static volatile u32 others;
    others = 0;
    race(
        [] {
            while (!second_ends) {
                abi::EvtchnBindIpi bind{1, 0};
                if (call(Hypercall::EventChannelOp, abi::EventChannelOp::BindIpi, &bind) != 0) continue;
                others = bind.port;
                abi::EvtchnSend send{bind.port};
                call(Hypercall::EventChannelOp, abi::EventChannelOp::Send, &send);
                others = 0;
                abi::EvtchnClose close{bind.port};
                call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close);
            }
        },
        [] {
            abi::EvtchnBindIpi bind{0, 0};
            CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindIpi, &bind), 0);
            CHECK(others != bind.port);
            abi::EvtchnClose close{bind.port};
            CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close), 0);
        });
}

/// A descriptor table is set while the other vCPU maps its page writable.
MICRO_CASE(race_of_descriptor_table) {
    contended = static_cast<u64*>(new_page());
    race(
        [] {
            while (!second_ends) set_access(contended, true), set_access(contended, false);
        },
        [] {
            u64 frame = mfn_of(contended);
            if (call(Hypercall::SetGdt, &frame, 512) != 0) return;
            CHECK(!(*entry_for(reinterpret_cast<u64>(contended)) & writable));
            CHECK_IS(call(Hypercall::SetGdt, &frame, 0), 0);
        });
    CHECK_IS(set_access(contended, true), 0);
}

/// Arguments that change while they are read: each is judged as it was read.
MICRO_CASE(race_of_arguments) {
    static abi::MmuUpdate op;
    static u64 good, bad;
    void* page = new_page();
    u64* entry = entry_for(reinterpret_cast<u64>(page));
    good = *entry;
    bad = (reinterpret_cast<u64*>(start_info->pt_base)[261] & frame_mask) | kernel_rw;
    op = {machine_address(entry), good};
    race(
        [] {
            volatile u64& value = op.val;
            while (!second_ends) {
                value = bad;
                value = good;
            }
        },
        [entry] {
            call(Hypercall::MmuUpdate, &op, 1, 0, abi::domid_self);
            CHECK((*entry & frame_mask) == (good & frame_mask));
        });
}

namespace {

constexpr unsigned watched_slot = 5;
volatile u64* const watched = reinterpret_cast<volatile u64*>(u64{watched_slot} << 39);
volatile u64 flushed; ///< of the numbers in `watched`, the one whose entry's flush has returned
volatile u64 stale;   ///< how often an older one was seen

/// A page with a number, and the tables that map it at `watched`.
struct Tree {
    volatile u64* number;
    u64 l3;
};
Tree new_tree() {
    auto* const page = static_cast<u64*>(new_page());
    u64 frame = mfn_of(page);
    for (int level = 1; level < 4; ++level) {
        auto* const table = static_cast<u64*>(new_page());
        table[0] = frame * page_bytes | kernel_rw;
        CHECK_IS(set_access(table, false), 0);
        frame = mfn_of(table);
    }
    CHECK_IS(mmuext(abi::MmuextCommand::PinL3Table, frame), 0);
    return {page, frame};
}
long link_tree(const Tree& tree) {
    auto* const l4 = reinterpret_cast<u64*>(start_info->pt_base);
    return mmu_update(&l4[watched_slot], tree.l3 * page_bytes | kernel_rw);
}

} // namespace

/// One changes an entry of the top-level table that both run on and flushes; the other, which makes no call meanwhile,
/// sees nothing older afterwards.
MICRO_CASE(race_of_top_level_entry) {
    const Tree trees[2] = {new_tree(), new_tree()};
    static u64 number;
    number = 0;
    flushed = 0;
    stale = 0;
    CHECK_IS(link_tree(trees[0]), 0);
    race(
        [] {
            while (!second_ends) {
                const u64 wanted = flushed;
                if (*watched < wanted) stale = stale + 1;
            }
        },
        [&] {
            const Tree& tree = trees[++number % 2];
            *tree.number = number;
            CHECK_IS(link_tree(tree), 0);
            CHECK_IS(mmuext(abi::MmuextCommand::TlbFlushAll), 0);
            CHECK_IS(*watched, number);
            flushed = number;
            const u64 end = rdtsc() + 20000;
            while (rdtsc() < end) {}
        });
    CHECK_IS(stale, 0);
    auto* const l4 = reinterpret_cast<u64*>(start_info->pt_base);
    CHECK_IS(mmu_update(&l4[watched_slot], 0), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::TlbFlushAll), 0);
    CHECK(traps([] { (void)*watched; }));
    for (const Tree& tree : trees) {
        CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, tree.l3), 0);
        CHECK_IS(set_access(const_cast<u64*>(tree.number), true), 0);
    }
}

/// A page becomes a page table while the other vCPU still writes to it, by an entry that was replaced without a flush.
MICRO_CASE(race_of_stale_entry) {
    static volatile u64* window;
    window = static_cast<u64*>(new_page());
    auto *table = static_cast<volatile u64*>(new_page()), *other = static_cast<volatile u64*>(new_page());
    const u64 entry = *entry_for(reinterpret_cast<u64>(window));
    for (auto* page : {table, other}) CHECK_IS(set_access(const_cast<u64*>(page), false), 0);
    const auto entry_of = [](const volatile u64* page) {
        return mfn_of(const_cast<u64*>(page)) * page_bytes | kernel_rw | no_execute;
    };
    const auto changes = [](const volatile u64* page) {
        const u64 before = *page, end = system_time() + 10'000'000;
        while (*page == before && system_time() < end) {}
        return *page != before;
    };
    static unsigned met;
    met = 0;
    race(
        [] {
            for (u64 n = 2; !second_ends; n += 2) *window = n & 0xffe; // as an entry: absent, of no frame
        },
        [&] {
            CHECK_IS(update_va(const_cast<u64*>(window), entry_of(table), abi::uvmf_tlb_flush | abi::uvmf_all), 0);
            const bool wrote = changes(table);
            CHECK_IS(update_va(const_cast<u64*>(window), entry_of(other), 0), 0);
            CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(const_cast<u64*>(table))), 0);
            const u64 checked = *table;
            if (wrote && changes(other)) ++met;
            CHECK_IS(*table, checked);
            CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(const_cast<u64*>(table))), 0);
        },
        100);
    CHECK(second_runs == 0 || met != 0);
    CHECK_IS(update_va(const_cast<u64*>(window), entry), 0);
    for (auto* page : {table, other}) CHECK_IS(set_access(const_cast<u64*>(page), true), 0);
}
