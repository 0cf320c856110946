// SPDX-License-Identifier: Apache-2.0
// Domain UUIDs.
#pragma once

#include "base/failure.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace config {

/// 128 bits that name a domain for good.
struct Uuid {
    std::array<std::uint8_t, 16> bytes{};
    bool operator==(const Uuid&) const = default;
};

/// Reads 32 hexadecimal digits with or without the four dashes.
toolstack::Result<Uuid> parse_uuid(std::string_view text);

/// "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx".
std::string print(const Uuid& uuid);

/// A version 4 UUID from 16 random bytes.
Uuid make_uuid(std::array<std::uint8_t, 16> random);

} // namespace config
