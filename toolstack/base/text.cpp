// SPDX-License-Identifier: Apache-2.0
// Small string tools: trimming, splitting, checked numbers.
#include "base/text.hpp"

#include <algorithm>
#include <charconv>

namespace toolstack {

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    if (text.empty()) return parts;
    for (;;) {
        auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string printable(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (unsigned char byte : text) {
        if (byte >= 0x20 && byte < 0x7f) out += static_cast<char>(byte);
        else (((out += "\\x") += digits[byte >> 4]) += digits[byte & 15]);
    }
    return out;
}

std::optional<std::uint64_t> to_bytes(std::string_view text) {
    constexpr std::string_view units = "bkmgt", capitals = "BKMGT";
    auto unit_of = [&](char letter) { return std::min(units.find(letter), capitals.find(letter)); };
    text = trim(text);
    if (auto size = text.size(); size > 1 && unit_of(text[size - 1]) == 0) {
        auto before = unit_of(text[size - 2]);
        if (before != 0 && before != std::string_view::npos) text.remove_suffix(1); // "2GB"
    }
    std::size_t unit = text.empty() ? std::string_view::npos : unit_of(text.back());
    if (unit == std::string_view::npos) unit = 2;
    else text.remove_suffix(1);
    auto number = to_unsigned(trim(text));
    if (!number || *number > UINT64_MAX >> (unit * 10)) return std::nullopt;
    return *number << (unit * 10);
}

std::optional<std::uint64_t> to_unsigned(std::string_view text, int base) {
    if (base == 0) {
        base = 10;
        if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
            base = 16;
            text.remove_prefix(2);
        } else if (text.size() > 1 && text[0] == '0') {
            base = 8;
        }
    }
    std::uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::optional<std::int64_t> to_signed(std::string_view text, int base) {
    bool negative = !text.empty() && text.front() == '-';
    if (negative) text.remove_prefix(1);
    auto size = to_unsigned(text, base);
    if (!size || *size > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    auto value = static_cast<std::int64_t>(*size);
    return negative ? -value : value;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

unsigned edit_distance(std::string_view a, std::string_view b) {
    std::vector<unsigned> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<unsigned>(j);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        unsigned diagonal = row[0];
        row[0] = static_cast<unsigned>(i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

} // namespace toolstack
