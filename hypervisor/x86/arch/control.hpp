// SPDX-License-Identifier: Apache-2.0
// Control registers and EFER (SDM volume 3, 2.5 and 2.2.1; APM volume 2, 3.1).
#pragma once

#include "base/register.hpp"

namespace px::x86 {

using Cr0 = Register<struct Cr0Tag, u64>;
namespace cr0 {
inline constexpr auto protection = Cr0::bit(0), monitor = Cr0::bit(1), task_switched = Cr0::bit(3),
                      extension = Cr0::bit(4), numeric = Cr0::bit(5), write_protect = Cr0::bit(16),
                      alignment = Cr0::bit(18), not_write_through = Cr0::bit(29), cache_disable = Cr0::bit(30),
                      paging = Cr0::bit(31);
} // namespace cr0

using Cr4 = Register<struct Cr4Tag, u64>;
namespace cr4 {
inline constexpr auto tsd = Cr4::bit(2), de = Cr4::bit(3), pae = Cr4::bit(5), mce = Cr4::bit(6), pge = Cr4::bit(7),
                      pce = Cr4::bit(8), osfxsr = Cr4::bit(9), osxmmexcpt = Cr4::bit(10), umip = Cr4::bit(11),
                      fsgsbase = Cr4::bit(16), osxsave = Cr4::bit(18), smep = Cr4::bit(20), smap = Cr4::bit(21),
                      pke = Cr4::bit(22);
} // namespace cr4

using Efer = Register<struct EferTag, u64>;
namespace efer {
inline constexpr auto syscall = Efer::bit(0), long_mode = Efer::bit(8), long_mode_active = Efer::bit(10),
                      no_execute = Efer::bit(11), automatic_ibrs = Efer::bit(21);
} // namespace efer

} // namespace px::x86
