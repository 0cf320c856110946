// SPDX-License-Identifier: Apache-2.0
// Debug status and control (SDM volume 3, 18.2; APM volume 2, 13.1.1).
#pragma once

#include "base/register.hpp"

namespace px::x86 {

using Dr6 = Register<struct Dr6Tag, u64>;
namespace dr6 {
/// Which of the four breakpoints it was.
inline constexpr Dr6 breakpoints{0xf};
inline constexpr auto general_detect = Dr6::bit(13), single_step = Dr6::bit(14), task_switch = Dr6::bit(15);
/// Set by the CPU, cleared by software alone.
inline constexpr auto sticky = breakpoints | general_detect | single_step | task_switch;
/// Nothing has happened: as after reset. These bits are 1, the others above bit 15 are 0.
inline constexpr Dr6 nothing{0xffff0ff0};
} // namespace dr6

using Dr7 = Register<struct Dr7Tag, u64>;
namespace dr7 {
/// Local and global enable bits of the four breakpoints.
inline constexpr Dr7 enables{0xff};
inline constexpr auto general_detect = Dr7::bit(13);
/// No breakpoint: as after reset. This bit is 1.
inline constexpr auto nothing = Dr7::bit(10);
/// Bits that are 0 whatever is written.
inline constexpr Dr7 reserved{0xd800};

/// What breakpoint `number` stops at.
enum class Access : u8 { Execute, Write, Port, ReadWrite };
[[nodiscard]] constexpr bool is_enabled(Dr7 control, unsigned number) {
    return (control.raw() >> (2 * number) & 3) != 0;
}
[[nodiscard]] constexpr Access access_of(Dr7 control, unsigned number) {
    return static_cast<Access>(control.raw() >> (16 + 4 * number) & 3);
}
} // namespace dr7

} // namespace px::x86
