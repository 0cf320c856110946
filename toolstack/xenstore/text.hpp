// SPDX-License-Identifier: Apache-2.0
// How xenstore's commands print values and read them from their command lines.
#pragma once

#include <string>
#include <string_view>

/// Printable: \t \n \r \\, octal for 1 to 7, hexadecimal for other bytes that a terminal would not show.
[[nodiscard]] std::string escaped(std::string_view value);

/// The inverse, generous as stock's: \ooo up to three octal digits, \xhh up to two; another character after a
/// backslash stands for itself.
[[nodiscard]] std::string unescaped(std::string_view text);
