// SPDX-License-Identifier: Apache-2.0
// The local APIC's timer, as calibration and the dispatcher see it.
#pragma once

#include "base/number.hpp"

namespace px::x86::apic {

/// Converts nanoseconds into ticks of a clock, rounded down, without overflow: it saturates.
class TickScale {
  public:
    constexpr TickScale() = default;
    constexpr explicit TickScale(u64 khz) : multiplier_((khz << 32) / 1'000'000) {}
    [[nodiscard]] constexpr u64 ticks(u64 nanoseconds) const {
        const auto product = static_cast<unsigned __int128>(nanoseconds) * multiplier_ >> 32;
        constexpr u64 most = u64{1} << 62;
        return product < most ? static_cast<u64>(product) : most;
    }

  private:
    u64 multiplier_ = 0; ///< ticks per nanosecond, 32 fraction bits
};

/// Calibration: starts counting down from the returned value with the interrupt masked; what is left now.
u32 timer_start_counting();
[[nodiscard]] u32 timer_count();
void set_timer_frequency(u64 apic_khz, u64 tsc_khz);
[[nodiscard]] bool has_deadline_mode();
/// Each CPU, once the frequencies are known: the timer may be set from now on.
void init_timer();
/// Reads and logs the error status (vector::error).
void report_error();

} // namespace px::x86::apic
