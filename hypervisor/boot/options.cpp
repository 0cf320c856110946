// SPDX-License-Identifier: Apache-2.0
// Splits the command line into options and hands each to whoever declared it.
#include "boot/options.hpp"

#include "base/log.hpp"
#include "boot/absent_options.hpp"
#include "boot/option_list.hpp"

namespace px::options {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool matches(std::string_view value, std::span<const std::string_view> words) {
    for (const auto word : words)
        if (value == word) return true;
    return false;
}

/// '-' and '_' are the same in names, as case is not.
bool same_name(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const char x = a[i] == '_' ? '-' : a[i], y = b[i] == '_' ? '-' : b[i];
        if (x != y) return false;
    }
    return true;
}

/// Without the index of names that are lists: "ivrs_hpet[3]".
constexpr std::string_view without_index(std::string_view name) { return name.substr(0, name.find('[')); }

/// Says of an option that chooses nothing why that is, unless it asks for what is so anyway. False: not such a one.
bool is_absent(std::string_view name, std::string_view value) {
    for (const AbsentOption& known : absent()) {
        if (!same_name(known.name, without_index(name))) continue;
        const auto wanted = boolean(value);
        const bool agrees = known.agrees != AbsentOption::Agrees::Never && wanted.has_value() &&
                            *wanted == (known.agrees == AbsentOption::Agrees::WithOn);
        if (!agrees) log::warning("parameter \"{}\" has no effect: {}", name, known.reason);
        return true;
    }
    return false;
}

/// One option: to all that declared its name.
void dispatch(std::string_view option) {
    const std::size_t equals = option.find('=');
    std::string_view name = option.substr(0, equals);
    std::string_view value = equals == std::string_view::npos ? std::string_view{} : option.substr(equals + 1);
    bool is_known = false, is_good = false;
    const auto offer = [&](std::string_view n, std::string_view v) {
        for (const BootOption& candidate : all()) {
            if (!same_name(candidate.name, n)) continue;
            is_known = true;
            is_good |= candidate.parse(v);
        }
    };
    offer(name, value);
    if (!is_known && equals == std::string_view::npos && name.starts_with("no-")) offer(name.substr(3), "no");
    if (is_known) {
        if (!is_good) log::warning("parameter \"{}\" has invalid value \"{}\"", name, value);
        return;
    }
    if (is_absent(name, value)) return;
    if (equals == std::string_view::npos && name.starts_with("no-") && is_absent(name.substr(3), "no")) return;
    log::warning("parameter \"{}\" unknown!", name);
}

} // namespace

SplitLine split_command_line(std::string_view line) {
    constexpr std::string_view separator = " -- ";
    const std::size_t at = line.find(separator);
    if (at == std::string_view::npos) return {line, {}};
    std::string_view rest = line.substr(at + separator.size());
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    return {line.substr(0, at), rest};
}

void parse_command_line(std::string_view line) {
    line = split_command_line(line).own;
    bool is_first = true;
    while (!line.empty()) {
        if (is_space(line.front())) {
            line.remove_prefix(1);
            continue;
        }
        // A word ends at a space outside of quotes; the quotes themselves are dropped.
        char word[512];
        std::size_t length = 0, used = 0;
        char quote = 0;
        for (; used < line.size() && (quote || !is_space(line[used])); ++used) {
            const char c = line[used];
            if (quote ? c == quote : (c == '"' || c == '\'')) {
                quote = quote ? '\0' : c;
                continue;
            }
            if (length < sizeof word) word[length++] = c;
        }
        line.remove_prefix(used);
        const std::string_view option(word, length);
        if (!(is_first && option == "placeholder")) dispatch(option);
        is_first = false;
    }
}

std::optional<bool> boolean(std::string_view value) {
    static constexpr std::string_view positive[] = {"", "on", "yes", "true", "1", "enable"};
    static constexpr std::string_view negative[] = {"off", "no", "false", "0", "disable"};
    if (matches(value, positive)) return true;
    if (matches(value, negative)) return false;
    return std::nullopt;
}

namespace {
/// Digits of a base from the front of value, which keeps the rest. Nothing if there is none or they overflow.
std::optional<u64> take_digits(std::string_view& value, unsigned base) {
    u64 n = 0;
    bool any = false;
    while (!value.empty()) {
        const char c = lower(value.front());
        unsigned digit;
        if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
        else if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10;
        else break;
        if (digit >= base) break;
        if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, digit, &n)) return std::nullopt;
        any = true;
        value.remove_prefix(1);
    }
    return any ? std::optional(n) : std::nullopt;
}

/// The same in the base that a prefix tells.
std::optional<u64> take_number(std::string_view& value) {
    unsigned base = 10;
    if (value.starts_with("0x") || value.starts_with("0X")) {
        base = 16;
        value.remove_prefix(2);
    } else if (value.size() > 1 && value[0] == '0' && value[1] >= '0' && value[1] <= '7') {
        base = 8;
        value.remove_prefix(1);
    }
    return take_digits(value, base);
}
} // namespace

std::optional<u64> number(std::string_view value) {
    const auto n = take_number(value);
    return n && value.empty() ? n : std::nullopt;
}

bool list(std::string_view value, bool (*parse)(std::string_view word)) {
    bool is_good = true;
    for (;;) {
        const auto comma = value.find(',');
        is_good &= parse(value.substr(0, comma));
        if (comma == std::string_view::npos) return is_good;
        value.remove_prefix(comma + 1);
    }
}

Flag flag(std::string_view word) {
    const auto equals = word.find('=');
    if (equals != std::string_view::npos) return {word.substr(0, equals), boolean(word.substr(equals + 1))};
    if (word.starts_with("no-")) return {word.substr(3), false};
    return {word, true};
}

std::optional<HexRange> hex_range(std::string_view value) {
    const auto end = [](std::string_view text) -> std::optional<u64> {
        if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
        const auto n = take_digits(text, 16);
        return n && text.empty() ? n : std::nullopt;
    };
    const auto dash = value.find('-');
    const auto first = end(value.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : end(value.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    return HexRange{*first, *last};
}

std::optional<u64> size(std::string_view value, u64 unit) {
    const auto n = take_number(value);
    if (!n) return std::nullopt;
    u64 factor = unit;
    if (!value.empty()) {
        switch (lower(value.front())) {
        case 'b': factor = 1; break;
        case 'k': factor = u64{1} << 10; break;
        case 'm': factor = u64{1} << 20; break;
        case 'g': factor = u64{1} << 30; break;
        case 't': factor = u64{1} << 40; break;
        default: return std::nullopt;
        }
        value.remove_prefix(1);
        if (!value.empty() && lower(value.front()) == 'b') value.remove_prefix(1);
        if (!value.empty()) return std::nullopt;
    }
    u64 bytes;
    return __builtin_mul_overflow(*n, factor, &bytes) ? std::nullopt : std::optional(bytes);
}

} // namespace px::options
