// SPDX-License-Identifier: Apache-2.0
// How mmu_update and mmuext_op end while a table's release is not finished: the call goes on with count 0 until it is.
#pragma once

#include "abi/pv.hpp"
#include "hypercall/call.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::pv {

/// True for a call whose work is done but for what is in the hold: made by end_failed(), or by a guest for nothing.
[[nodiscard]] inline bool is_ending(const hypercall::Call& call) {
    return static_cast<u32>(call.args[1]) == abi::mmu_update_preempted;
}

/// Goes on with such a call, by any owners that it names: they may be gone. The answer that it carries is the caller's
/// own business, as long as it is one.
[[nodiscard]] inline hypercall::Outcome go_on_ending(const hypercall::Call& call, TableHold& hold) {
    if (!settle_all(hold)) return hypercall::Outcome::restart();
    constexpr u64 largest_errno = 4095;
    return hypercall::Outcome::of(-static_cast<s64>(call.args[0] & largest_errno));
}

/// The call's work is done, with this result, which is not Restart. What a check that failed, or the last release, left
/// in the hold is released before the guest is told: nothing of another domain stays with a vCPU that makes no further
/// call.
[[nodiscard]] inline hypercall::Outcome end(hypercall::Call& call, const Result<>& result, TableHold& hold) {
    if (settle_all(hold)) return hypercall::Outcome::of(result);
    call.args[0] = result ? 0 : static_cast<u64>(result.error());
    call.args[1] = abi::mmu_update_preempted;
    return hypercall::Outcome::restart();
}

} // namespace px::pv
