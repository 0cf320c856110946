// SPDX-License-Identifier: Apache-2.0
// Numbers that look random, the same in each run.
#pragma once

#include <cstdint>

namespace micro {

/// Marsaglia's xorshift generator with 64 bits of state.
class Random {
  public:
    uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        return state_ ^= state_ << 17;
    }
    /// From 0 to before end.
    uint64_t below(uint64_t end) { return next() % end; }

  private:
    uint64_t state_ = 88172645463325252;
};

} // namespace micro
