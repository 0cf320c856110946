// SPDX-License-Identifier: Apache-2.0
// Domain UUIDs.
#include "config/uuid.hpp"

#include "base/text.hpp"

namespace config {

toolstack::Result<Uuid> parse_uuid(std::string_view text) {
    auto wrong = [&] {
        return toolstack::fail("'" + std::string(text) + "' is not a UUID",
                               "write it as 8-4-4-4-12 hexadecimal digits");
    };
    Uuid uuid;
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '-') {
            if (count % 2) return wrong();
            continue;
        }
        auto digit = toolstack::to_unsigned(text.substr(i, 1), 16);
        if (!digit || count == 32) return wrong();
        auto& byte = uuid.bytes[count++ / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | *digit);
    }
    return count == 32 ? toolstack::Result<Uuid>(uuid) : wrong();
}

std::string print(const Uuid& uuid) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
        out += digits[uuid.bytes[i] >> 4];
        out += digits[uuid.bytes[i] & 15];
    }
    return out;
}

Uuid make_uuid(std::array<std::uint8_t, 16> random) {
    random[6] = static_cast<std::uint8_t>((random[6] & 0x0f) | 0x40);
    random[8] = static_cast<std::uint8_t>((random[8] & 0x3f) | 0x80);
    return Uuid{random};
}

} // namespace config
