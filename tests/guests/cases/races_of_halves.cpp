// SPDX-License-Identifier: Apache-2.0
// One vCPU meets what a call of the other has done by half: a handle that is made and not told yet, a timer that ticks.
#include "lib/domains.hpp"
#include "lib/race.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {

u64* data;
volatile u32 guessed;
volatile unsigned wrong;

constexpr u32 ref = 31;

abi::GnttabMapGrantRef map_request(void* window, u32 flags) {
    abi::GnttabMapGrantRef map{};
    map.host_addr = reinterpret_cast<u64>(window);
    map.flags = flags;
    map.ref = ref;
    map.dom = own_id();
    return map;
}

/// Takes the device's half of a mapping away. True: there was one.
bool unmap_device(u32 handle) {
    abi::GnttabUnmapGrantRef unmap{};
    unmap.dev_bus_addr = mfn_of(data) * page_bytes;
    unmap.handle = handle;
    return grant(abi::GrantTableOp::UnmapGrantRef, &unmap) == 0 && unmap.status == 0;
}

void wait_us(u64 microseconds) {
    const u64 end = system_time() + microseconds * 1000;
    while (system_time() < end) {}
}

} // namespace

/// A mapping that fails has a handle for a moment: nobody can unmap by it, or references would be dropped twice
/// (XSA-228).
MICRO_CASE(race_for_handles_of_failing_maps) {
    data = static_cast<u64*>(new_page());
    abi::GrantEntryV1* const grants = grant_table();
    grants[ref] = {abi::gtf_permit_access, own_id(), static_cast<u32>(mfn_of(data))};
    void* const window = new_page(); // stays without a mapping
    CHECK_IS(update_va(window, 0), 0);
    constexpr u32 both = abi::gntmap_host_map | abi::gntmap_device_map | abi::gntmap_readonly;
    auto map = map_request(window, both);
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    if (map.status != 0) return; // a guest that is not told its own number
    guessed = map.handle;
    wrong = 0;
    CHECK(unmap_device(map.handle));
    abi::GnttabUnmapGrantRef unmap{};
    unmap.host_addr = map.host_addr;
    unmap.handle = map.handle;
    CHECK_IS(grant(abi::GrantTableOp::UnmapGrantRef, &unmap), 0);
    CHECK_IS(unmap.status, 0);
    race(
        [] {
            while (!second_ends)
                if (unmap_device(guessed)) wrong = wrong + 1;
        },
        [] {
            auto failing = map_request(reinterpret_cast<void*>(u64{1} << 47), both); // not canonical
            CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &failing), 0);
            CHECK(failing.status < 0);
        },
        2000);
    CHECK_IS(wrong, 0);
    CHECK_IS(grants[ref].flags & (abi::gtf_reading | abi::gtf_writing), 0);
    grants[ref].flags = 0;
    CHECK_IS(set_access(window, true), 0);
    // Nothing but its own mapping holds the page.
    CHECK_IS(set_access(data, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(data)), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(data)), 0);
    CHECK_IS(set_access(data, true), 0);
}

/// The periodic timer of one vCPU is stopped by the other while it ticks.
MICRO_CASE(race_of_periodic_ticks) {
    race(
        [] {
            for (u64 i = 0; !second_ends; ++i) {
                abi::VcpuSetPeriodicTimer period{1'000'000};
                call(Hypercall::VcpuOp, abi::VcpuOp::SetPeriodicTimer, 0, &period);
                wait_us(990 + i % 64);
                call(Hypercall::VcpuOp, abi::VcpuOp::StopPeriodicTimer, 0, 0);
            }
        },
        [] { wait_us(1000); });
    CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::StopPeriodicTimer, 0, 0), 0);
}

/// Ports are unmasked while all of them are closed and the queues go (XSA-343).
MICRO_CASE(race_of_reset_and_unmask) {
    static abi::EvtchnFifoControlBlock* control;
    static u32* words;
    control = static_cast<abi::EvtchnFifoControlBlock*>(new_page());
    words = static_cast<u32*>(new_page());
    race(
        [] {
            abi::EvtchnUnmask unmask{5};
            while (!second_ends) {
                __atomic_store_n(&words[5], 1u << abi::fifo_pending_bit, __ATOMIC_SEQ_CST);
                call(Hypercall::EventChannelOp, abi::EventChannelOp::Unmask, &unmask);
            }
        },
        [] {
            abi::EvtchnInitControl init{};
            init.control_gfn = mfn_of(control);
            call(Hypercall::EventChannelOp, abi::EventChannelOp::InitControl, &init);
            abi::EvtchnExpandArray expand{mfn_of(words)};
            call(Hypercall::EventChannelOp, abi::EventChannelOp::ExpandArray, &expand);
            abi::EvtchnReset reset{abi::domid_self};
            CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Reset, &reset), 0);
        });
    // Nothing holds the pages any more.
    for (void* page : {static_cast<void*>(control), static_cast<void*>(words)}) {
        for (unsigned i = 0; i < page_bytes / sizeof(u64); ++i) static_cast<u64*>(page)[i] = 0;
        CHECK_IS(set_access(page, false), 0);
        CHECK_IS(mmuext(abi::MmuextCommand::PinL1Table, mfn_of(page)), 0);
        CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(page)), 0);
        CHECK_IS(set_access(page, true), 0);
    }
}

/// Two initialise one vCPU at once: one of them does it. The other's context must not replace that of a vCPU that may
/// run by then. Needs more vCPUs than the two that race.
MICRO_CASE(race_to_initialise) {
    static volatile u32 target, answered;
    static volatile u64 start; // both at the same moment
    static long others;
    target = 1;
    answered = 1;
    if (!start_second([] {
            for (u32 next = 2; target != 0; ++next) {
                while (target != 0 && target != next) {}
                if (target == 0) return;
                while (system_time() < start) {}
                others = initialise_vcpu(next);
                answered = next;
            }
        }))
        return;
    for (u32 vcpu = 2; call(Hypercall::VcpuOp, abi::VcpuOp::IsUp, vcpu, 0) == 0; ++vcpu) {
        start = system_time() + 200'000;
        target = vcpu;
        while (system_time() < start) {}
        const long mine = initialise_vcpu(vcpu);
        while (answered != vcpu) {}
        CHECK((mine == 0) != (others == 0));
        CHECK(mine == 0 || mine == error(abi::Errno::Exists));
        CHECK(others == 0 || others == error(abi::Errno::Exists));
    }
    target = 0;
    CHECK(second_is_down());
}

/// A domain of which the last part cannot be made is there for nobody, not for a moment: others would meet it without.
MICRO_CASE(race_for_a_domain_that_fails) {
    constexpr u16 number = 7;
    wrong = 0;
    race(
        [] {
            while (!second_ends) {
                abi::EvtchnBindInterdomain bind{number, 1, 0};
                const long result = call(Hypercall::EventChannelOp, abi::EventChannelOp::BindInterdomain, &bind);
                if (result != error(Errno::Search)) wrong = wrong + 1;
            }
        },
        [] {
            static abi::Domctl op;
            memset(&op, 0, sizeof op);
            op.u.createdomain.max_vcpus = 1;
            op.u.createdomain.max_evtchn_port = 63;
            op.u.createdomain.max_grant_frames = 0x7fffffff;
            op.u.createdomain.grant_opts = 1;
            const long made = domctl(abi::DomctlCommand::CreateDomain, number, op);
            CHECK(made == error(Errno::Invalid) || made == error(Errno::Exists));
        },
        2000);
    CHECK_IS(wrong, 0);
    CHECK(is_gone(number));
}
