// SPDX-License-Identifier: Apache-2.0
// Time stamps of console lines (console_timestamps=).
#pragma once

#include "base/number.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace px::console {

enum class Stamp : u8 { None, Date, DateMilliseconds, Boot, Raw };

/// The kind by its option value; a plain boolean means date or none.
std::optional<Stamp> stamp_named(std::string_view value);
/// Writes "[...] " or nothing. Returns its length.
std::size_t format_stamp(std::span<char> out, Stamp kind, bool has_clock);

/// Calendar of a number of days since 1970-01-01 (proleptic Gregorian).
struct Date {
    u32 year, month, day;
};
constexpr Date date_of(u64 days) {
    // Days from 0000-03-01, in eras of 400 years: the leap day is a year's last then.
    const u64 z = days + 719468, era = z / 146097, day_of_era = z % 146097;
    const u64 year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const u64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const u64 m = (5 * day_of_year + 2) / 153;
    const u32 month = static_cast<u32>(m < 10 ? m + 3 : m - 9);
    return {static_cast<u32>(year_of_era + era * 400 + (month <= 2)), month,
            static_cast<u32>(day_of_year - (153 * m + 2) / 5 + 1)};
}
static_assert(date_of(0).year == 1970 && date_of(0).month == 1 && date_of(0).day == 1);
static_assert(date_of(19782).year == 2024 && date_of(19782).month == 2 && date_of(19782).day == 29);

} // namespace px::console
