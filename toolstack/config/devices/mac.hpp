// SPDX-License-Identifier: Apache-2.0
// Ethernet addresses: reading, printing, and new ones in Xen's block 00:16:3e.
#pragma once

#include "base/failure.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace config {

/// An Ethernet address.
struct Mac {
    std::array<std::uint8_t, 6> bytes{};
    bool operator==(const Mac&) const = default;
};

/// Reads "00:16:3E:aa:bb:cc", either case. Group addresses are refused: an interface cannot have one.
toolstack::Result<Mac> parse_mac(std::string_view text);

/// Lower-case text with colons.
std::string print(const Mac& mac);

/// An address in 00:16:3e from 24 random bits (the top bit is cleared, as the block's lower half is for this use).
Mac make_mac(std::uint32_t random);

} // namespace config
