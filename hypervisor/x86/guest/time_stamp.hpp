// SPDX-License-Identifier: Apache-2.0
// The time stamp counter of guests: the CPU's own, or one that the hypervisor counts in system time.
#pragma once

#include "base/result.hpp"
#include "machine/machine.hpp"

#include <atomic>

namespace px::guest {

/// An emulated counter: `khz` ticks per millisecond of system time since `start`. Pure but for `last`.
struct TimeStamp {
    bool is_emulated = false;
    u32 khz = 0;
    u32 incarnation = 0; ///< how often the domain was restored
    Nanoseconds start =
        0;              ///< system time at which the counter was 0: negative for a domain that is older than this host
    u32 multiplier = 0; ///< ns = ((ticks << shift) * multiplier) >> 32, as guests compute it
    s8 shift = 0;
    u64 reciprocal = 0;       ///< 2^95 / multiplier: exact enough that both directions stay together for years
    std::atomic<u64> last{0}; ///< no vCPU reads less than another one did before

    /// Sets the rate. khz > 0.
    void set_rate(u32 ticks_per_ms);
    [[nodiscard]] u64 ticks_at(Nanoseconds system_time) const {
        const u64 age = system_time > start ? static_cast<u64>(system_time) - static_cast<u64>(start) : 0;
        return static_cast<u64>(static_cast<unsigned __int128>(age) * reciprocal >> (63 + shift));
    }
    /// What RDTSC reads now.
    [[nodiscard]] u64 read(Nanoseconds system_time);
    /// How the guest gets from ticks to system time.
    [[nodiscard]] machine::TimeScale scale() const {
        const Nanoseconds base = start > 0 ? start : 0;
        return {ticks_at(base), static_cast<u64>(base), multiplier, shift};
    }
};

class X86Domain;

/// settscinfo for a paused domain that is not the caller's: mode, age in nanoseconds, rate (0: the host's),
/// incarnation. Errors: Invalid mode.
Result<> set_time_stamp(X86Domain& domain, u32 mode, u64 elapsed, u32 khz, u32 incarnation);
/// What RDTSC and MSR 0x10 read.
[[nodiscard]] u64 read_time_stamp(X86Domain& domain);

} // namespace px::guest
