// SPDX-License-Identifier: Apache-2.0
// Framing, numbers and error names of the xenstore protocol.
#include "store/core/wire.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace store {

std::string_view error_name(int error) {
    for (auto const& known : abi::xenstore_errors)
        if (known.errnum == error) return known.errstring;
    return "EINVAL";
}

int error_number(std::string_view name) {
    for (auto const& known : abi::xenstore_errors)
        if (known.errstring == name) return known.errnum;
    return EINVAL;
}

void append_message(std::string& out, Op type, std::uint32_t request, std::uint32_t transaction,
                    std::string_view payload) {
    Header const header{static_cast<std::uint32_t>(type), request, transaction,
                        static_cast<std::uint32_t>(payload.size())};
    out.append(reinterpret_cast<char const*>(&header), sizeof header);
    out.append(payload);
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
    return value;
}

} // namespace store
