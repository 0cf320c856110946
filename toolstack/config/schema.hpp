// SPDX-License-Identifier: Apache-2.0
// The one table of guest configuration keys: parser, validation, defaults, man page and completion read it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace config {

/// How a key's value is written.
enum class Type : std::uint8_t {
    text,         ///< a string (a bare number is taken as its digits)
    number,       ///< a number, or a string that holds one
    size,         ///< a number of MiB, or a string with a unit: "512M", "2G", "1T", "524288K"
    flag,         ///< 0 or 1, or a string that holds one
    choice,       ///< one of the words in Key::range
    list,         ///< a list of strings
    text_or_list, ///< a string, or a list of strings
};

/// Who asks for the key: everyone, administrators, hardly anybody.
enum class Tier : char { a = 'A', b = 'B', c = 'C' };

/// What this toolstack does with the key.
enum class Use : std::uint8_t {
    yes,     ///< acted upon
    pvh,     ///< acted upon for guests of type pvh; without meaning for those of type pv
    later,   ///< belongs to guests or devices that are not built yet: a warning says so
    ignored, ///< has no effect in Xen 4.17 either: a warning says so
    refused, ///< an error, with what to write instead in the doc text
};

/// One key of xl.cfg.
struct Key {
    std::string_view name;
    Type type = Type::text;
    Tier tier = Tier::a;
    Use use = Use::yes;
    std::string_view fallback; ///< default as the man page says it
    std::string_view range;    ///< of a choice: the words, comma separated
    std::int64_t low = 0;      ///< of a number: smallest allowed
    std::int64_t high = INT32_MAX;
    std::string_view doc;
};

/// All keys, in the order of the man page.
std::span<const Key> schema();

/// The key of that name, or null.
const Key* find_key(std::string_view name);

/// The known key nearest to a mistyped one, or an empty view when none is near.
std::string_view nearest_key(std::string_view name);

/// Words of a comma-separated range; calls `each` for every word.
template <class F> constexpr void for_each_word(std::string_view range, F each) {
    while (!range.empty()) {
        auto end = range.find(',');
        each(range.substr(0, end));
        if (end == std::string_view::npos) return;
        range.remove_prefix(end + 1);
    }
}

} // namespace config
