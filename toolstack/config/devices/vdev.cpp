// SPDX-License-Identifier: Apache-2.0
// Virtual disk names and numbers.
#include "config/devices/vdev.hpp"

#include "base/text.hpp"

#include <fmt/format.h>
#include <optional>

namespace config {
namespace {

using toolstack::fail;

constexpr std::uint32_t extended = 1u << 28, max_disk = (1u << 20) - 1;

struct Position {
    std::uint32_t disk = 0, partition = 0;
};

/// "c12" after its prefix: letters as a bijective base-26 number, then an optional partition without leading zero.
std::optional<Position> letters(std::string_view rest) {
    Position at;
    std::size_t i = 0;
    std::uint64_t disk = 0;
    for (; i < rest.size() && rest[i] >= 'a' && rest[i] <= 'z'; ++i) {
        disk = disk * 26 + static_cast<std::uint64_t>(rest[i] - 'a') + 1;
        if (disk > max_disk + 1) return std::nullopt;
    }
    if (i == 0) return std::nullopt;
    at.disk = static_cast<std::uint32_t>(disk - 1);
    if (i == rest.size()) return at;
    auto partition = toolstack::to_unsigned(rest.substr(i));
    if (rest[i] == '0' || !partition || *partition > 255) return std::nullopt;
    at.partition = static_cast<std::uint32_t>(*partition);
    return at;
}

/// "5p2" after a "d".
std::optional<Position> numbers(std::string_view rest) {
    auto p = rest.find('p');
    if (p == std::string_view::npos) return std::nullopt;
    auto disk = toolstack::to_unsigned(rest.substr(0, p));
    auto partition = toolstack::to_unsigned(rest.substr(p + 1));
    if (!disk || !partition || *disk > max_disk || *partition > 255) return std::nullopt;
    return Position{static_cast<std::uint32_t>(*disk), static_cast<std::uint32_t>(*partition)};
}

std::uint32_t encode_xvd(Position at) {
    if (at.disk < 16 && at.partition < 16) return (202u << 8) | (at.disk << 4) | at.partition;
    return extended | (at.disk << 8) | at.partition;
}

std::string encode_letters(std::uint32_t disk) {
    std::string out;
    for (std::uint64_t n = std::uint64_t{disk} + 1; n; n = (n - 1) / 26)
        out.insert(out.begin(), static_cast<char>('a' + (n - 1) % 26));
    return out;
}

std::string name(std::string_view prefix, Position at) {
    auto out = fmt::format("{}{}", prefix, encode_letters(at.disk));
    return at.partition ? fmt::format("{}{}", out, at.partition) : out;
}

} // namespace

toolstack::Result<std::uint32_t> vdev_number(std::string_view text) {
    auto wrong = [&] {
        return fail(fmt::format("'{}' is not a virtual disk name", text),
                    "use xvda, xvdb, ... (hda and sda also work, and a number such as 51712)");
    };
    auto rest = text.starts_with("/dev/") ? text.substr(5) : text;
    if (rest.starts_with("xvd")) {
        auto at = letters(rest.substr(3));
        return at ? toolstack::Result<std::uint32_t>(encode_xvd(*at)) : wrong();
    }
    if (rest.starts_with("hd")) {
        auto at = letters(rest.substr(2));
        if (!at || at->disk > 3 || at->partition > 63) return wrong();
        return ((at->disk < 2 ? 3u : 22u) << 8) | ((at->disk & 1) << 6) | at->partition;
    }
    if (rest.starts_with("sd")) {
        auto at = letters(rest.substr(2));
        if (!at || at->disk > 15 || at->partition > 15) return wrong();
        return (8u << 8) | (at->disk << 4) | at->partition;
    }
    if (rest.starts_with("d")) {
        auto at = numbers(rest.substr(1));
        return at ? toolstack::Result<std::uint32_t>(encode_xvd(*at)) : wrong();
    }
    auto number = toolstack::to_unsigned(rest, 0);
    if (!number || *number > UINT32_MAX) return wrong();
    return static_cast<std::uint32_t>(*number);
}

std::string vdev_name(std::uint32_t number) {
    if (number >> 28 == 1) {
        Position at{(number >> 8) & max_disk, number & 255};
        if (at.disk >= 16 || at.partition >= 16) return name("xvd", at);
    } else if (number >> 8 == 202) {
        return name("xvd", {(number >> 4) & 15, number & 15});
    } else if (number >> 8 == 8) {
        return name("sd", {(number >> 4) & 15, number & 15});
    } else if ((number >> 8 == 3 || number >> 8 == 22) && (number & 255) < 128) {
        return name("hd", {((number >> 6) & 1) + (number >> 8 == 22 ? 2u : 0u), number & 63});
    }
    return std::to_string(number);
}

} // namespace config
