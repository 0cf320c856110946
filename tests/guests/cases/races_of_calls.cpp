// SPDX-License-Identifier: Apache-2.0
// Two vCPUs that call at the same time: page-table updates, grants, memory, event channels, vCPU operations. What each
// call answers is open; what holds afterwards is not.
#include "lib/memory.hpp"
#include "lib/race.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {

u64* contended;
u64* data;
abi::GrantEntryV1* grants;
constexpr u32 shared_ref = 30;

/// Maps the shared grant at a page of the caller's and takes it out again. False: the grant was not to be had.
bool map_and_unmap(void* window) {
    abi::GnttabMapGrantRef map{};
    map.host_addr = reinterpret_cast<u64>(window);
    map.flags = abi::gntmap_host_map;
    map.ref = shared_ref;
    map.dom = own_id();
    if (grant(abi::GrantTableOp::MapGrantRef, &map) != 0 || map.status != 0) return false;
    abi::GnttabUnmapGrantRef unmap{};
    unmap.host_addr = map.host_addr;
    unmap.handle = map.handle;
    CHECK_IS(grant(abi::GrantTableOp::UnmapGrantRef, &unmap), 0);
    CHECK_IS(unmap.status, 0);
    return true;
}

void grant_page(u64* page) {
    grants = grant_table();
    const u16 id = own_id();
    grants[shared_ref] = {abi::gtf_permit_access, id, static_cast<u32>(mfn_of(page))};
}

/// Nobody holds the grant any more.
void end_grant() {
    CHECK_IS(grants[shared_ref].flags & (abi::gtf_reading | abi::gtf_writing), 0);
    grants[shared_ref].flags = 0;
}

} // namespace

/// One changes entries of a page while the other makes it a table and an ordinary page by turns.
MICRO_CASE(race_of_updates_and_unpin) {
    contended = static_cast<u64*>(new_page());
    data = static_cast<u64*>(new_page());
    CHECK_IS(set_access(contended, false), 0);
    race(
        [] {
            const u64 entry = mfn_of(data) * page_bytes | kernel_rw | no_execute;
            while (!second_ends) {
                mmu_update(&contended[5], entry);
                mmu_update(&contended[5], 0);
            }
        },
        [] {
            // An update of what is no table makes it a data page as long as it lasts.
            if (mmuext(abi::MmuextCommand::PinL1Table, mfn_of(contended)) != 0) return;
            CHECK_IS(mmu_update(&contended[7], mfn_of(data) * page_bytes | kernel_ro), 0);
            CHECK_IS(mmu_update(&contended[7], 0), 0);
            CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(contended)), 0);
        });
    CHECK_IS(set_access(contended, true), 0);
    // The entries' references are all gone: the page that they named can become a table itself.
    CHECK_IS(set_access(data, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(data)), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(data)), 0);
    CHECK_IS(set_access(data, true), 0);
}

/// The same entry, changed by update_va_mapping on one vCPU and by mmu_update on the other.
MICRO_CASE(race_of_the_same_entry) {
    contended = static_cast<u64*>(new_page());
    data = static_cast<u64*>(new_page());
    race(
        [] {
            while (!second_ends) {
                update_va(contended, mfn_of(data) * page_bytes | kernel_rw | no_execute);
                update_va(contended, 0);
            }
        },
        [] {
            const u64* entry = entry_for(reinterpret_cast<u64>(contended));
            CHECK_IS(mmu_update(entry, mfn_of(contended) * page_bytes | kernel_ro | no_execute), 0);
            CHECK_IS(mmu_update(entry, 0), 0);
        });
    CHECK_IS(set_access(contended, true), 0);
    CHECK_IS(set_access(data, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(data)), 0); // nobody maps it writable any more
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(data)), 0);
    CHECK_IS(set_access(data, true), 0);
}

/// Both map one grant, at places of their own.
MICRO_CASE(race_of_grant_mappings) {
    static void *mine, *others;
    mine = new_page();
    others = new_page();
    data = static_cast<u64*>(new_page());
    grant_page(data);
    CHECK_IS(update_va(mine, 0), 0);
    CHECK_IS(update_va(others, 0), 0);
    race(
        [] {
            while (!second_ends) map_and_unmap(others);
        },
        [] { CHECK(map_and_unmap(mine)); });
    end_grant();
    CHECK_IS(set_access(mine, true), 0);
    CHECK_IS(set_access(others, true), 0);
}

/// One copies out of a grant that the other gives and takes away.
MICRO_CASE(race_of_grant_copy) {
    static u64* to;
    to = static_cast<u64*>(new_page());
    data = static_cast<u64*>(new_page());
    data[0] = 0x4242;
    grant_page(data);
    race(
        [] {
            volatile u16& flags = grants[shared_ref].flags;
            while (!second_ends) {
                u16 expected = abi::gtf_permit_access;
                __atomic_compare_exchange_n(&flags, &expected, u16{0}, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
                __atomic_fetch_or(&flags, abi::gtf_permit_access, __ATOMIC_SEQ_CST);
            }
        },
        [] {
            to[0] = 0;
            abi::GnttabCopy op{};
            op.source.u.ref = shared_ref;
            op.source.domid = own_id();
            op.dest.u.gmfn = mfn_of(to);
            op.dest.domid = abi::domid_self;
            op.len = 8;
            op.flags = abi::gntcopy_source_gref;
            CHECK_IS(grant(abi::GrantTableOp::Copy, &op), 0);
            CHECK_IS(to[0], op.status == 0 ? 0x4242 : 0);
        });
    end_grant();
}

/// A frame is given back while the other vCPU maps it: it leaves when the last mapping has gone, and never before.
MICRO_CASE(race_of_decrease_and_mapping) {
    static void* window;
    static volatile u64 frame;
    static u64 list;
    window = new_page();
    auto* page = static_cast<u64*>(new_page());
    abi::MemoryDomain self{abi::domid_self};
    CHECK_IS(update_va(window, 0), 0);
    const long before = memory(abi::MemoryOp::CurrentReservation, &self);
    frame = mfn_of(page);
    race(
        [] {
            while (!second_ends) {
                update_va(window, frame * page_bytes | kernel_rw | no_execute);
                update_va(window, 0);
            }
        },
        [page] {
            CHECK_IS(update_va(page, 0), 0);
            list = frame;
            auto r = reservation(&list);
            const long given = memory(abi::MemoryOp::DecreaseReservation, &r);
            if (given == 1) {
                // There is room for another one when the other vCPU's mapping has gone.
                long got = 0;
                for (unsigned tries = 0; got != 1 && tries < 1'000'000; ++tries) {
                    list = pfn_of(page);
                    got = memory(abi::MemoryOp::PopulatePhysmap, &r);
                }
                CHECK_IS(got, 1);
                frame = list;
                p2m()[pfn_of(page)] = list;
            }
            CHECK_IS(update_va(page, frame * page_bytes | kernel_rw | no_execute), 0);
            page[1] = 1;
        },
        150);
    CHECK_IS(update_va(window, 0), 0);
    CHECK_IS(memory(abi::MemoryOp::CurrentReservation, &self), before);
}

/// One closes whatever port it can while the other binds, sends and closes.
MICRO_CASE(race_of_close_and_bind) {
    static volatile u32 newest;
    newest = 0;
    race(
        [] {
            while (!second_ends) {
                abi::EvtchnClose close{newest};
                if (newest != 0) call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close);
                abi::EvtchnSend send{newest};
                if (newest != 0) call(Hypercall::EventChannelOp, abi::EventChannelOp::Send, &send);
            }
        },
        [] {
            abi::EvtchnAllocUnbound unbound{abi::domid_self, abi::domid_self, 0};
            CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::AllocUnbound, &unbound), 0);
            newest = unbound.port;
            abi::EvtchnBindInterdomain bind{abi::domid_self, unbound.port, 0};
            const long bound = call(Hypercall::EventChannelOp, abi::EventChannelOp::BindInterdomain, &bind);
            CHECK(bound == 0 || bound == error(Errno::Invalid));
            newest = 0;
            abi::EvtchnClose close{unbound.port};
            call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close);
            close.port = bind.local_port;
            if (bound == 0) call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close);
        });
    // All ports of the race are free: the next one is the lowest again.
    abi::EvtchnBindIpi first{0, 0}, second{0, 0};
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindIpi, &first), 0);
    abi::EvtchnClose close{first.port};
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close), 0);
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindIpi, &second), 0);
    CHECK_IS(second.port, first.port);
    close.port = second.port;
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close), 0);
}

/// Timers, run states and areas of one vCPU, set by both.
MICRO_CASE(race_of_vcpu_ops) {
    alignas(64) static abi::VcpuRunstateInfo area, mine, others;
    race(
        [] {
            while (!second_ends) {
                abi::VcpuSetPeriodicTimer period{1'000'000};
                call(Hypercall::VcpuOp, abi::VcpuOp::SetPeriodicTimer, 0, &period);
                call(Hypercall::VcpuOp, abi::VcpuOp::GetRunstateInfo, 0, &others);
                call(Hypercall::VcpuOp, abi::VcpuOp::StopPeriodicTimer, 0, 0);
            }
        },
        [] {
            abi::VcpuRegisterRunstateMemoryArea op{};
            op.addr.p = reinterpret_cast<u64>(&area);
            CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::RegisterRunstateMemoryArea, 0, &op), 0);
            CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::GetRunstateInfo, 0, &mine), 0);
            CHECK_IS(mine.state, 0);
            call(Hypercall::VcpuOp, abi::VcpuOp::StopPeriodicTimer, 0, 0);
            CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::IsUp, 1, 0), 1);
        });
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::StopPeriodicTimer, 0, 0), 0);
}
