// SPDX-License-Identifier: Apache-2.0
// The sleep type values for power-off, found in the DSDT without an interpreter.
#include "x86/machine/firmware/power.hpp"

#include <cstring>

namespace px::x86::power {
namespace {

constexpr u8 name_op = 0x08, package_op = 0x12, zero_op = 0, one_op = 1, byte_prefix = 0x0a;

/// A small integer at `at`, which moves past it; nothing if it is something else.
std::optional<u8> integer(std::span<const u8> aml, std::size_t& at) {
    if (at >= aml.size()) return std::nullopt;
    const u8 op = aml[at++];
    if (op == zero_op || op == one_op) return op;
    if (op != byte_prefix || at >= aml.size()) return std::nullopt;
    return aml[at++];
}

} // namespace

std::optional<SleepType> find_s5(std::span<const u8> aml) {
    constexpr std::size_t name_bytes = 4;
    for (std::size_t i = 1; i + name_bytes + 3 < aml.size(); ++i) {
        if (std::memcmp(&aml[i], "_S5_", name_bytes) != 0) continue;
        const bool is_definition = aml[i - 1] == name_op || (i >= 2 && aml[i - 1] == '\\' && aml[i - 2] == name_op);
        std::size_t at = i + name_bytes;
        if (!is_definition || aml[at] != package_op) continue;
        ++at;
        at += 1 + (aml[at] >> 6); // package length: its lead byte says how many follow
        if (at >= aml.size() || aml[at] < 1) continue;
        ++at;
        const auto a = integer(aml, at);
        if (!a) continue;
        return SleepType{*a, integer(aml, at).value_or(*a)};
    }
    return std::nullopt;
}

} // namespace px::x86::power
