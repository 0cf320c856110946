// SPDX-License-Identifier: Apache-2.0
// Small string tools that several parts of the toolstack need: trimming, splitting, checked numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace toolstack {

/// Text that somebody else chose, fit for a terminal: what is no printable ASCII is shown as \xNN.
std::string printable(std::string_view text);

/// Bytes of a size: digits and a unit of b, k, m, g or t (steps of 1024), of which all but b may have a further b;
/// MiB where there is none. Nothing for other text, and where it is too much for 64 bits.
std::optional<std::uint64_t> to_bytes(std::string_view text);

/// White space as the configuration language knows it.
constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Without white space at both ends.
constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// The parts between separators, empty ones included; an empty text has no parts.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Whole text as an unsigned number. Base 0 takes 0x and leading-0 octal as C does. Nothing on overflow or junk.
std::optional<std::uint64_t> to_unsigned(std::string_view text, int base = 10);

/// Whole text as a signed number, base as above.
std::optional<std::int64_t> to_signed(std::string_view text, int base = 10);

/// ASCII lower case.
std::string lower(std::string_view text);

/// Number of edits (insert, delete, replace) between two words: for "did you mean".
unsigned edit_distance(std::string_view a, std::string_view b);

} // namespace toolstack
