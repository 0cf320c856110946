// SPDX-License-Identifier: Apache-2.0
// Time stamps of console lines.
#include "x86/machine/console/console_stamp.hpp"

#include "base/format.hpp"
#include "boot/options.hpp"
#include "machine/machine.hpp"

namespace px::console {

std::optional<Stamp> stamp_named(std::string_view value) {
    if (value == "none") return Stamp::None;
    if (value == "date") return Stamp::Date;
    if (value == "datems") return Stamp::DateMilliseconds;
    if (value == "boot") return Stamp::Boot;
    if (value == "raw") return Stamp::Raw;
    const auto on = options::boolean(value);
    return on ? std::optional(*on ? Stamp::Date : Stamp::None) : std::nullopt;
}

std::size_t format_stamp(std::span<char> out, Stamp kind, bool has_clock) {
    if (kind == Stamp::None) return 0;
    if (kind == Stamp::Raw) return format_to(out, "[{:016x}] ", machine::cycles());
    const u64 now = has_clock ? static_cast<u64>(machine::now()) : 0;
    const u64 wall = has_clock ? machine::wall_clock_base() + now : 0;
    if (kind == Stamp::Boot || wall < 1'000'000'000'000'000)
        return format_to(out, "[{:5}.{:06}] ", now / 1'000'000'000, now / 1000 % 1'000'000);
    const u64 seconds = wall / 1'000'000'000;
    const Date d = date_of(seconds / 86400);
    char fraction[8] = "";
    if (kind == Stamp::DateMilliseconds) format_to(fraction, ".{:03}", wall / 1'000'000 % 1000);
    return format_to(out, "[{:04}-{:02}-{:02} {:02}:{:02}:{:02}{}] ", d.year, d.month, d.day, seconds / 3600 % 24,
                     seconds / 60 % 60, seconds % 60, static_cast<const char*>(fraction));
}

} // namespace px::console
