// SPDX-License-Identifier: Apache-2.0
// Files that are read and written as a whole.
#pragma once

#include "base/failure.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace toolstack {

/// All of a file; nothing if it cannot be opened.
std::optional<std::string> read_file(const std::string& path);

/// Puts a file of mode 0600 in the place of one that may be there: whoever dies, there is the old one or the new one,
/// whole. Its folder must exist. Errors name the path and the reason; remedy: what is said for them.
Result<void> replace_file(const std::string& path, std::string_view text, std::string remedy);

} // namespace toolstack
