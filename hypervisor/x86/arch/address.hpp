// SPDX-License-Identifier: Apache-2.0
// Linear addresses of 64-bit mode with four levels of page tables (SDM volume 1, 3.3.7.1).
#pragma once

#include "base/number.hpp"

namespace px::x86 {

inline constexpr unsigned linear_address_bits = 48;

/// True if the upper bits repeat bit 47: anything else faults where it is used or, worse, where it is loaded.
constexpr bool is_canonical(u64 address) {
    constexpr unsigned upper = 64 - linear_address_bits;
    return static_cast<u64>(static_cast<s64>(address << upper) >> upper) == address;
}
constexpr bool is_canonical(GuestVaddr address) { return is_canonical(address.raw()); }

} // namespace px::x86
