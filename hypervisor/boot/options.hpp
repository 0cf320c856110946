// SPDX-License-Identifier: Apache-2.0
// The hypervisor's command line: each subsystem declares its options beside its code.
#pragma once

#include "base/number.hpp"
#include "base/result.hpp"

#include <optional>
#include <string_view>

namespace px {

/// A named option. Objects are constant-initialised globals that the linker collects (section .options).
/// parse gets the value after '=' (empty if none; "no-NAME" gives "no"); false: the value is bad (a warning is logged).
struct BootOption {
    const char* name;
    bool (*parse)(std::string_view value);
};
#ifdef PROXENOS_HYPERVISOR
#define PX_OPTION(identifier, name, function)                                                                          \
    [[gnu::section(".options"), gnu::used]] static const ::px::BootOption px_option_##identifier = {name, function}
#else
#define PX_OPTION(identifier, name, function)                                                                          \
    [[maybe_unused]] static const ::px::BootOption px_option_##identifier = {name, function}
#endif

namespace options {
/// Splits the boot loader's line: ours, and what follows the first " -- ", which is for dom0's kernel.
struct SplitLine {
    std::string_view own, for_dom0;
};
SplitLine split_command_line(std::string_view line);
/// Parses our part of the command line (unknown options warn, "placeholder" is skipped).
void parse_command_line(std::string_view line);
/// "on", "yes", "true", "1", "enable" and empty: true; "off", "no", "false", "0", "disable": false.
std::optional<bool> boolean(std::string_view value);
/// Decimal, 0x or octal number.
std::optional<u64> number(std::string_view value);
/// A list with commas: each word to `parse`; false if one is bad. All are tried, so that one bad word spoils no other.
bool list(std::string_view value, bool (*parse)(std::string_view word));
/// A word of a list that is a boolean: "name", "no-name" or "name=value". No value: it is none.
struct Flag {
    std::string_view name;
    std::optional<bool> value;
};
Flag flag(std::string_view word);
/// "first-last" in base 16 as "0x" or bare digits, or one number.
struct HexRange {
    u64 first, last;
};
std::optional<HexRange> hex_range(std::string_view value);
/// Size with K, M, G, T suffix; a bare number counts in `unit` bytes.
std::optional<u64> size(std::string_view value, u64 unit);
} // namespace options

} // namespace px
