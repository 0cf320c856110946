// SPDX-License-Identifier: Apache-2.0
// Where the guest sees its own grant table and its statuses.
#include "lib/grants.hpp"

namespace micro {

namespace {

/// The first frame of the guest's own table, or of its statuses.
template <class Op> u64 first_frame(abi::GrantTableOp command) {
    static u64 frame;
    Op op{};
    op.dom = abi::domid_self;
    op.nr_frames = 1;
    op.frame_list.address = reinterpret_cast<u64>(&frame);
    CHECK_IS(grant(command, &op), 0);
    CHECK_IS(op.status, 0);
    return frame;
}

} // namespace

abi::GrantEntryV1* grant_table() {
    const u64 frame = first_frame<abi::GnttabSetupTable>(abi::GrantTableOp::SetupTable);
    void* at = new_page();
    CHECK_IS(update_va(at, frame * page_bytes | kernel_rw | no_execute), 0);
    return static_cast<abi::GrantEntryV1*>(at);
}

StatusFrame::StatusFrame()
    : frame_(first_frame<abi::GnttabGetStatusFrames>(abi::GrantTableOp::GetStatusFrames)), at_(new_page()) {
    CHECK_IS(update_va(at_, frame_ * page_bytes | kernel_ro | no_execute), 0);
}
StatusFrame::~StatusFrame() { CHECK_IS(set_access(at_, true), 0); }

} // namespace micro
