// SPDX-License-Identifier: Apache-2.0
// Where the guest sees its own grant table and its statuses.
#include "lib/grants.hpp"

namespace micro {

abi::GrantEntryV1* grant_table() {
    static u64 frame;
    abi::GnttabSetupTable op{};
    op.dom = abi::domid_self;
    op.nr_frames = 1;
    op.frame_list.address = reinterpret_cast<u64>(&frame);
    CHECK_IS(grant(abi::GrantTableOp::SetupTable, &op), 0);
    CHECK_IS(op.status, 0);
    void* at = new_page();
    CHECK_IS(update_va(at, frame * page_bytes | kernel_rw | no_execute), 0);
    return static_cast<abi::GrantEntryV1*>(at);
}

StatusFrame::StatusFrame() : at_(new_page()) {
    static u64 frame;
    abi::GnttabGetStatusFrames op{};
    op.dom = abi::domid_self;
    op.nr_frames = 1;
    op.frame_list.address = reinterpret_cast<u64>(&frame);
    CHECK_IS(grant(abi::GrantTableOp::GetStatusFrames, &op), 0);
    CHECK_IS(op.status, 0);
    CHECK_IS(update_va(at_, frame * page_bytes | kernel_ro | no_execute), 0);
}
StatusFrame::~StatusFrame() { CHECK_IS(set_access(at_, true), 0); }

} // namespace micro
