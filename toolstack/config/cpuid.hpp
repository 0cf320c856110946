// SPDX-License-Identifier: Apache-2.0
// Changes to what a guest sees of its CPU, as users write them: "host,tm=0,avx2=0", or lists of leaves with bits.
#pragma once

#include "base/failure.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// One CPUID leaf. A register's text is empty, or 32 letters from bit 31 on: 0 and 1 force a bit, x leaves it, k and s
/// take the host's.
struct CpuidLeaf {
    std::uint32_t leaf = 0;
    std::optional<std::uint32_t> subleaf;
    std::array<std::string, 4> registers; ///< eax, ebx, ecx, edx
};

/// "host" and "NAME=VALUE" terms, separated by commas.
toolstack::Result<std::vector<CpuidLeaf>> parse_cpuid(std::string_view text);
/// Items "LEAF[,SUBLEAF]:REGISTER=BITS[,REGISTER=BITS...]".
toolstack::Result<std::vector<CpuidLeaf>> parse_cpuid_leaves(const std::vector<std::string>& items);

/// The register's value when `letters` are applied to `value`, whose host has `host`.
std::uint32_t apply_bits(std::string_view letters, std::uint32_t value, std::uint32_t host);

} // namespace config
