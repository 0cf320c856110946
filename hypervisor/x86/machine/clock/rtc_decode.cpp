// SPDX-License-Identifier: Apache-2.0
// From the real-time clock's registers to seconds since 1970.
#include "x86/machine/clock/rtc.hpp"

namespace px::x86::rtc {

u64 days_before(u32 year, u32 month, u32 day) {
    static constexpr u16 before_month[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    auto leap_days = [](u32 y) { return u64{y} / 4 - y / 100 + y / 400; }; // up to and including year y
    return u64{year - 1970} * 365 + leap_days(year - 1) - leap_days(1969) + before_month[(month - 1) % 12] +
           (is_leap && month > 2 ? 1 : 0) + day - 1;
}

u64 to_epoch(Raw raw) {
    const bool afternoon = !raw.is_24_hours && (raw.hour & 0x80) != 0;
    auto decode = [&](u8 value) -> u32 { return raw.is_binary ? value : (value >> 4) * 10u + (value & 15); };
    u32 hour = decode(static_cast<u8>(raw.is_24_hours ? raw.hour : raw.hour & 0x7f));
    if (!raw.is_24_hours) hour = hour % 12 + (afternoon ? 12 : 0);
    const u32 century = decode(raw.century);
    u32 year = decode(raw.year);
    year += century >= 19 && century <= 29 ? century * 100 : year >= 70 ? 1900 : 2000;
    if (year < 1970) year = 1970;
    u32 month = decode(raw.month);
    if (month < 1 || month > 12) month = 1;
    u32 day = decode(raw.day);
    if (day < 1 || day > 31) day = 1;
    return ((days_before(year, month, day) * 24 + hour) * 60 + decode(raw.minute)) * 60 + decode(raw.second);
}

} // namespace px::x86::rtc
