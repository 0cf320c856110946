// SPDX-License-Identifier: Apache-2.0
// A hypercall under way, its outcome, and the table of all of them.
#pragma once

#include "abi/hypercall.hpp"
#include "base/result.hpp"
#include "domain/domain.hpp"
#include "schedule/softirq.hpp"

#include <array>
#include <span>

namespace px::hypercall {

/// Arguments of a call by the current vCPU. A handler that returns Outcome::restart() first puts into `args` what the
/// call shall be repeated with.
struct Call {
    std::array<u64, 6> args;
    bool in_multicall = false;
};

/// What goes back to the guest, or "run me again".
struct Outcome {
    s64 value = 0;
    bool is_restart = false;

    /// The instruction pointer goes back over the call; softirqs run; then the call is made again.
    static constexpr Outcome restart() { return {0, true}; }
    static constexpr Outcome of(s64 v) { return {v, false}; }
    /// Success without value, or the negative errno. Error::Restart is not a restart here: say restart() yourself.
    static constexpr Outcome of(const Result<>& r) { return {to_hypercall(r), false}; }
    static constexpr Outcome error(Error e) { return {to_hypercall(e), false}; }
};

using Handler = Outcome (*)(Call& call);

/// One row of the table.
struct Entry {
    Handler handler = nullptr; ///< null: NoSys
    const char* name = nullptr;
    bool for_pv = false, for_hvm = false;
};

/// Rows for numbers 0 to 63 (hypercall/table.cpp), common ones and the guest kind's.
extern const std::array<Entry, abi::hypercall_count> table;

/// Dispatches one call of the current vCPU. Unknown numbers: NoSys.
inline Outcome dispatch(u64 number, Call& call) {
    if (number >= table.size()) [[unlikely]]
        return Outcome::error(Error::NoSys);
    const u64 in_bounds = number & (abi::hypercall_count - 1); // also under speculation
    const Handler handler = table[in_bounds].handler;
    return handler ? handler(call) : Outcome::error(Error::NoSys);
}

/// True if a long operation should stop here and continue later: soft interrupts are pending on this CPU.
/// Call it after some progress was made, never before the first element.
[[nodiscard]] inline bool should_preempt() { return softirq::is_pending(); }

} // namespace px::hypercall
