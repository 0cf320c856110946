// SPDX-License-Identifier: Apache-2.0
// The CMOS real-time clock (Motorola MC146818A).
#pragma once

#include "base/number.hpp"

namespace px::x86::rtc {

/// Registers as read, before decoding.
struct Raw {
    u8 second, minute, hour, day, month, year, century; ///< century 0: unknown
    bool is_binary;                                     ///< else binary-coded decimal
    bool is_24_hours;                                   ///< else bit 7 of hour: afternoon
};

/// Seconds since 1970 UTC, the clock taken to be in UTC. Pure. Nonsense gives some time, never undefined behaviour.
[[nodiscard]] u64 to_epoch(Raw raw);
/// Days from 1970-01-01 to a date of the Gregorian calendar, year >= 1970, month 1 to 12.
[[nodiscard]] u64 days_before(u32 year, u32 month, u32 day);

/// Reads the clock (up to some milliseconds while it updates itself). Boot CPU, boot only.
[[nodiscard]] u64 read_epoch();

} // namespace px::x86::rtc
