// SPDX-License-Identifier: Apache-2.0
// The TSC beside the platform timer over long times: its rate ever more exactly, and whether it has one. Pure.
#pragma once

#include "x86/machine/clock/clock_scale.hpp"

namespace px::x86::clock {

/// Both counters at one moment: the reference was read while the TSC was between `before` and `after`.
struct Sighting {
    u64 before = 0, after = 0;
    u64 reference = 0; ///< extended: it does not wrap

    [[nodiscard]] constexpr u64 middle() const { return before + (after - before) / 2; }
    [[nodiscard]] constexpr u64 doubt() const { return (after - before) / 2 + 1; }
};

/// Judges sightings, about one in a second.
class Watch {
  public:
    enum class Verdict : u8 {
        Good,      ///< nothing to do
        Corrected, ///< hertz() is more exact now
        Unsteady,  ///< the TSC changes its rate
    };

    constexpr Watch() = default;
    /// @param hertz  rate of the TSC as far as it is known; reference_hertz: of the reference, exactly.
    constexpr Watch(u64 hertz, u64 reference_hertz, const Sighting& first)
        : hertz_(hertz), reference_hertz_(reference_hertz), first_(first), last_(first) {}

    [[nodiscard]] constexpr u64 hertz() const { return hertz_; }

    constexpr Verdict look(const Sighting& now) {
        const bool deviates = is_unsteady(now);
        // What was counted over a look that deviated (the reference may have wrapped unseen) says nothing of the rate.
        if (!deviates && unsteady_ > 0) first_ = last_;
        last_ = now;
        unsteady_ = deviates ? unsteady_ + 1 : 0;
        if (unsteady_ >= unsteady_limit) return Verdict::Unsteady;
        if (deviates || now.reference - first_.reference < next_correction_ * reference_hertz_) return Verdict::Good;
        // Four times as long each time: four times as exact.
        if (next_correction_ < longest_between) next_correction_ *= 4;
        else next_correction_ += longest_between;
        return correct(now) ? Verdict::Corrected : Verdict::Good;
    }

  private:
    /// Looks in a row that must deviate: one may be due to a long interruption that the sighting did not see.
    static constexpr unsigned unsteady_limit = 3;
    /// A rate that is wrong by more than this (1 / 500) is none of a crystal's.
    static constexpr u64 unsteady_part = 500;
    static constexpr u64 longest_between = 4096; // seconds

    /// Cycles that the reference says should have passed.
    [[nodiscard]] constexpr u64 expected(const Sighting& from, const Sighting& to) const {
        return multiply_divide(to.reference - from.reference, hertz_, reference_hertz_);
    }
    [[nodiscard]] constexpr bool is_unsteady(const Sighting& now) const {
        const u64 cycles = now.middle() - last_.middle(), wanted = expected(last_, now);
        const u64 difference = cycles > wanted ? cycles - wanted : wanted - cycles;
        return difference > wanted / unsteady_part + now.doubt() + last_.doubt();
    }
    /// Takes the rate since the first sighting, if that differs from the known one by more than the doubt of both ends.
    constexpr bool correct(const Sighting& now) {
        const u64 cycles = now.middle() - first_.middle(), wanted = expected(first_, now);
        const u64 difference = cycles > wanted ? cycles - wanted : wanted - cycles;
        if (difference <= now.doubt() + first_.doubt()) return false;
        hertz_ = frequency(cycles, now.reference - first_.reference, reference_hertz_);
        return true;
    }

    u64 hertz_ = 0, reference_hertz_ = 0;
    Sighting first_, last_;
    u64 next_correction_ = 1; ///< seconds after the first sighting that counts
    unsigned unsteady_ = 0;
};

} // namespace px::x86::clock
