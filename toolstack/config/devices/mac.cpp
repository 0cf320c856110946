// SPDX-License-Identifier: Apache-2.0
// Ethernet addresses.
#include "config/devices/mac.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace config {

toolstack::Result<Mac> parse_mac(std::string_view text) {
    auto wrong = [&](std::string_view why) {
        bool placeholder = text.find_first_of("xX") != std::string_view::npos;
        return toolstack::fail(
            fmt::format("'{}' {}{}", text, why, placeholder ? ": X stands for digits of your choice" : ""),
            "write one such as 00:16:3e:12:34:56, or leave mac= away: one is drawn");
    };
    auto parts = toolstack::split(text, ':');
    if (parts.size() != 6) return wrong("is not a MAC address");
    Mac mac;
    for (std::size_t i = 0; i < 6; ++i) {
        auto byte = toolstack::to_unsigned(parts[i], 16);
        if (!byte || parts[i].size() > 2) return wrong("is not a MAC address");
        mac.bytes[i] = static_cast<std::uint8_t>(*byte);
    }
    if (mac.bytes[0] & 1) return wrong("is a group address, not one for an interface");
    return mac;
}

std::string print(const Mac& mac) {
    auto& b = mac.bytes;
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]);
}

Mac make_mac(std::uint32_t random) {
    return Mac{{0x00, 0x16, 0x3e, static_cast<std::uint8_t>((random >> 16) & 0x7f),
                static_cast<std::uint8_t>(random >> 8), static_cast<std::uint8_t>(random)}};
}

} // namespace config
