// SPDX-License-Identifier: Apache-2.0
// The guest's own grant table, for cases about grants.
#pragma once

#include "lib/micro.hpp"

namespace micro {

/// The grant table hypercall on a list.
inline long grant(abi::GrantTableOp command, void* op, u64 count = 1) {
    return call(abi::Hypercall::GrantTableOp, command, op, count);
}
/// The number under which this guest grants to itself.
inline u16 own_id() { return start_info->flags & abi::sif_initdomain ? 0 : abi::domid_self; }
/// Maps the first frame of the guest's grant table (version 1) at a new page.
abi::GrantEntryV1* grant_table();

/// The first frame of the guest's grant statuses (version 2 alone has them), mapped read-only for one look.
class StatusFrame {
  public:
    StatusFrame();
    ~StatusFrame();
    StatusFrame(const StatusFrame&) = delete;
    StatusFrame& operator=(const StatusFrame&) = delete;
    [[nodiscard]] u64 frame() const { return frame_; }
    u16 operator[](u32 ref) const { return static_cast<const volatile abi::grant_status_t*>(at_)[ref]; }

  private:
    u64 frame_;
    void* at_;
};

} // namespace micro
