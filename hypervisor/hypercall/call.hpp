// SPDX-License-Identifier: Apache-2.0
// A hypercall under way, its outcome, and how it is dispatched.
#pragma once

#include "abi/hypercall.hpp"
#include "base/panic.hpp"
#include "base/result.hpp"
#include "domain/domain.hpp"
#include "domain/kind.hpp"
#include "schedule/softirq.hpp"

#include <array>

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

/// What a table has for one number.
struct Entry {
    Handler handler = nullptr; ///< null: NoSys
    const char* name = nullptr;
    bool restarts = false; ///< the handler may return Outcome::restart()
};

/// All that guests of one kind may call, by number (table.hpp). A kind's way in and its multicalls use the same one.
struct Table {
    std::array<Entry, abi::hypercall_count> entries;
};

/// The table of the current guest's kind.
inline const Table& current_table() { return *current_domain().kind->hypercalls; }

/// Dispatches one call of the current vCPU, whose table this is. Unknown numbers: NoSys.
inline Outcome dispatch(const Table& table, u64 number, Call& call) {
    if (number >= table.entries.size()) [[unlikely]]
        return Outcome::error(Error::NoSys);
    const u64 in_bounds = number & (abi::hypercall_count - 1); // also under speculation
    const Handler handler = table.entries[in_bounds].handler;
    return handler ? handler(call) : Outcome::error(Error::NoSys);
}

/// For every caller of a handler that has asked to be called again: it may only if its row says so.
inline void check_restart(const Table& table, u64 number) {
    PX_ASSERT(table.entries[number & (abi::hypercall_count - 1)].restarts);
}

/// True if a long operation should stop here and continue later: soft interrupts are pending on this CPU.
/// Call it after some progress was made, never before the first element.
[[nodiscard]] inline bool should_preempt() { return softirq::is_pending(); }

} // namespace px::hypercall
