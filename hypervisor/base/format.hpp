// SPDX-License-Identifier: Apache-2.0
// Small type-safe formatting: "{}" decimal or text, "{:x}" hexadecimal, "{:#x}" with 0x, "{:016x}" padded.
#pragma once

#include "base/number.hpp"

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

namespace px {

/// One argument of a format call, type erased without allocation.
struct FormatArgument {
    enum class Kind : u8 { Unsigned, Signed, Text, Pointer, Character };
    Kind kind;
    union {
        u64 number;
        s64 signed_number;
        const void* pointer;
        std::string_view text;
    };
    constexpr FormatArgument(std::unsigned_integral auto v) : kind(Kind::Unsigned), number(v) {}
    constexpr FormatArgument(std::signed_integral auto v) : kind(Kind::Signed), signed_number(v) {}
    constexpr FormatArgument(bool v) : kind(Kind::Text), text(v ? "yes" : "no") {}
    constexpr FormatArgument(char v) : kind(Kind::Character), number(static_cast<u8>(v)) {}
    constexpr FormatArgument(const char* v) : kind(Kind::Text), text(v ? v : "(null)") {}
    constexpr FormatArgument(char* v) : kind(Kind::Text), text(v ? v : "(null)") {}
    constexpr FormatArgument(std::string_view v) : kind(Kind::Text), text(v) {}
    constexpr FormatArgument(const void* v) : kind(Kind::Pointer), pointer(v) {}
    template <class Tag, class T> constexpr FormatArgument(Number<Tag, T> v) : kind(Kind::Unsigned), number(v.raw()) {}
    template <class E>
        requires std::is_enum_v<E>
    constexpr FormatArgument(E v) : kind(Kind::Signed), signed_number(static_cast<s64>(v)) {}
};

/// Formats into out, always NUL-terminated, cut when full. Returns the number of characters written.
std::size_t format_arguments(std::span<char> out, const char* format, std::span<const FormatArgument> arguments);

template <class... Args> std::size_t format_to(std::span<char> out, const char* format, const Args&... args) {
    if constexpr (sizeof...(Args) == 0) {
        return format_arguments(out, format, {});
    } else {
        const FormatArgument list[] = {FormatArgument(args)...};
        return format_arguments(out, format, list);
    }
}

} // namespace px
