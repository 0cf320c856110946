// SPDX-License-Identifier: Apache-2.0
// RFLAGS (SDM volume 1, 3.4.3; APM volume 2, 3.1.6).
#pragma once

#include "base/register.hpp"

namespace px::x86 {

using Rflags = Register<struct RflagsTag, u64>;
namespace rflags {
inline constexpr auto carry = Rflags::bit(0), always = Rflags::bit(1), parity = Rflags::bit(2), adjust = Rflags::bit(4),
                      zero = Rflags::bit(6), sign = Rflags::bit(7), trap = Rflags::bit(8), interrupts = Rflags::bit(9),
                      direction = Rflags::bit(10), overflow = Rflags::bit(11), nested = Rflags::bit(14),
                      resume = Rflags::bit(16), virtual_8086 = Rflags::bit(17), alignment = Rflags::bit(18);
/// I/O privilege level, 0 to 3.
using Iopl = Field<Rflags, 12, 2, u32>;
inline constexpr auto iopl = Iopl::mask;
} // namespace rflags

} // namespace px::x86
