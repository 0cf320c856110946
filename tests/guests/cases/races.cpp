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
