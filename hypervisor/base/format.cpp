// SPDX-License-Identifier: Apache-2.0
// Formatting without allocation.
#include "base/format.hpp"

namespace px {
namespace {

/// Writes into a span and keeps the last byte for the NUL.
class Writer {
  public:
    explicit Writer(std::span<char> out) : out_(out) {}
    void put(char c) {
        if (length_ + 1 < out_.size()) out_[length_++] = c;
    }
    void put(std::string_view text) {
        for (const char c : text) put(c);
    }
    void pad(char c, std::size_t count) {
        while (count--) put(c);
    }
    std::size_t finish() {
        if (!out_.empty()) out_[length_] = '\0';
        return length_;
    }

  private:
    std::span<char> out_;
    std::size_t length_ = 0;
};

/// What stands between ':' and '}'.
struct Specification {
    bool prefix = false, zero = false, left = false, hexadecimal = false;
    bool upper = false;
    unsigned width = 0;
};

/// Reads the specification after "{" up to and with "}"; null when the text ends first.
const char* parse(const char* p, Specification& s) {
    if (*p == ':') ++p;
    for (; *p && *p != '}'; ++p) {
        if (*p == '#') s.prefix = true;
        else if (*p == '<') s.left = true;
        else if (*p == '>') s.left = false;
        else if (*p == '0' && s.width == 0) s.zero = true;
        else if (*p >= '0' && *p <= '9') s.width = s.width * 10 + static_cast<unsigned>(*p - '0');
        else if (*p == 'x') s.hexadecimal = true;
        else if (*p == 'X') s.hexadecimal = s.upper = true;
    }
    if (s.width > 128) s.width = 128;
    return *p ? p + 1 : nullptr;
}

void put_text(Writer& w, const Specification& s, std::string_view text) {
    const std::size_t fill = text.size() < s.width ? s.width - text.size() : 0;
    if (!s.left) w.pad(' ', fill);
    w.put(text);
    if (s.left) w.pad(' ', fill);
}

void put_number(Writer& w, const Specification& s, u64 value, bool negative) {
    char digits[20];
    unsigned n = 0;
    const unsigned base = s.hexadecimal ? 16 : 10;
    const char* alphabet = s.upper ? "0123456789ABCDEF" : "0123456789abcdef";
    do {
        digits[n++] = alphabet[value % base];
        value /= base;
    } while (value);
    const std::string_view sign = negative ? "-" : "";
    const std::string_view prefix = s.prefix && s.hexadecimal ? "0x" : "";
    const std::size_t length = n + sign.size() + prefix.size();
    const std::size_t fill = length < s.width ? s.width - length : 0;
    if (!s.left && !s.zero) w.pad(' ', fill);
    w.put(sign);
    w.put(prefix);
    if (!s.left && s.zero) w.pad('0', fill);
    while (n) w.put(digits[--n]);
    if (s.left) w.pad(' ', fill);
}

void put_argument(Writer& w, Specification s, const FormatArgument& a) {
    switch (a.kind) {
    case FormatArgument::Kind::Unsigned: return put_number(w, s, a.number, false);
    case FormatArgument::Kind::Signed:
        if (s.hexadecimal || a.signed_number >= 0) return put_number(w, s, static_cast<u64>(a.signed_number), false);
        return put_number(w, s, u64{0} - static_cast<u64>(a.signed_number), true);
    case FormatArgument::Kind::Text: return put_text(w, s, a.text);
    case FormatArgument::Kind::Character: {
        const char c = static_cast<char>(a.number);
        return put_text(w, s, std::string_view(&c, 1));
    }
    case FormatArgument::Kind::Pointer:
        s.hexadecimal = true;
        return put_number(w, s, reinterpret_cast<u64>(a.pointer), false);
    }
}

} // namespace

std::size_t format_arguments(std::span<char> out, const char* format, std::span<const FormatArgument> arguments) {
    Writer w(out);
    std::size_t next = 0;
    for (const char* p = format; *p;) {
        if ((*p == '{' || *p == '}') && p[1] == *p) {
            w.put(*p);
            p += 2;
        } else if (*p == '{') {
            Specification s;
            p = parse(p + 1, s);
            if (!p) break;
            if (next < arguments.size()) put_argument(w, s, arguments[next++]);
            else w.put("{?}");
        } else {
            w.put(*p++);
        }
    }
    return w.finish();
}

} // namespace px
