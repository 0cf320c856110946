// SPDX-License-Identifier: Apache-2.0
// The emulated counter's arithmetic. Pure: also compiled into the host tests.
#include "x86/guest/time_stamp.hpp"
#include "x86/machine/clock/clock_scale.hpp"

namespace px::guest {

void TimeStamp::set_rate(u32 ticks_per_ms) {
    const x86::clock::Scale scale = x86::clock::scale_of(u64{ticks_per_ms} * 1000);
    khz = ticks_per_ms;
    multiplier = scale.multiplier;
    shift = scale.shift;
    // The multiplier is at least 2^31: the quotient fits, as one less than 2^63 is divided.
    reciprocal = x86::clock::multiply_divide((u64{1} << 63) - 1, u64{1} << 32, multiplier);
}

u64 TimeStamp::read(Nanoseconds system_time) {
    const u64 now = ticks_at(system_time);
    u64 seen = last.load(std::memory_order_relaxed); // pairs with itself: only the order of this one variable matters
    while (seen < now && !last.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {}
    return seen < now ? now : seen;
}

} // namespace px::guest
