// SPDX-License-Identifier: Apache-2.0
// set_timer_op: the vCPU's one-shot timer, by absolute system time.
#include "hypercall/handlers.hpp"
#include "machine/machine.hpp"

namespace px::hypercall {

Outcome set_timer_op(Call& call) {
    const Nanoseconds when = static_cast<Nanoseconds>(call.args[0]);
    Vcpu& vcpu = current();
    if (when == 0) {
        vcpu.singleshot.stop();
        return Outcome::of(0);
    }
    // Far future by some kernels' overflowing arithmetic, or past: a tick in 100 ms lets them find their way.
    constexpr Nanoseconds soon = 100'000'000;
    const Nanoseconds now = machine::now();
    const bool is_odd = when < 0 || (when > now && static_cast<u64>(when - now) >> 50 != 0);
    vcpu.singleshot.set(is_odd ? now + soon : when);
    return Outcome::of(0);
}

} // namespace px::hypercall
