// SPDX-License-Identifier: Apache-2.0
// Escapes in values.
#include "text.hpp"

#include <charconv>

std::string escaped(std::string_view value) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (char const c : value) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '\t') out += "\\t";
        else if (c == '\n') out += "\\n";
        else if (c == '\r') out += "\\r";
        else if (c == '\\') out += "\\\\";
        else if (byte >= 32 && byte < 127) out += c;
        else if (byte < 8) (out += "\\00") += digits[byte];
        else ((out += "\\x") += digits[byte >> 4]) += digits[byte & 15];
    }
    return out;
}

namespace {

/// The number in up to `most` digits at the front of `text`, which it takes away; -1 without a digit.
int take_number(std::string_view& text, int base, std::size_t most) {
    int value = -1;
    auto const part = text.substr(0, most);
    auto const [end, error] = std::from_chars(part.data(), part.data() + part.size(), value, base);
    if (error != std::errc{} || part.starts_with('-')) return -1;
    text.remove_prefix(static_cast<std::size_t>(end - part.data()));
    return value;
}

} // namespace

std::string unescaped(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        char c = text.front();
        text.remove_prefix(1);
        if (c != '\\') {
            out += c;
            continue;
        }
        c = text.empty() ? '\0' : text.front();
        if (c >= '0' && c <= '7') {
            out += static_cast<char>(take_number(text, 8, 3));
            continue;
        }
        if (!text.empty()) text.remove_prefix(1);
        if (c == 't') c = '\t';
        else if (c == 'n') c = '\n';
        else if (c == 'r') c = '\r';
        else if (c == 'x')
            if (int const value = take_number(text, 16, 2); value >= 0) c = static_cast<char>(value);
        out += c;
    }
    return out;
}
