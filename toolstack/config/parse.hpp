// SPDX-License-Identifier: Apache-2.0
// The xl.cfg language: statements separated by newlines or semicolons, strings in either quote, nested lists.
#pragma once

#include "base/failure.hpp"
#include "config/value.hpp"

#include <string_view>
#include <vector>

namespace config {

/// Settings of a file or of one command-line override, in order of appearance. `source` names it in errors
/// ("guest.cfg:3: ..."). `bare_words` also takes unquoted text to the end of the statement as a string, for overrides
/// given by a shell that ate the quotes (name=guest1).
toolstack::Result<std::vector<Setting>> parse(std::string_view text, std::string_view source, bool bare_words = false);

/// Where a setting stands, for messages: "guest.cfg:3", or "command line"; the source alone where it has no lines.
std::string place(const Setting& setting, std::string_view source);

/// Settings merged into one per key: a later one replaces an earlier one, `+=` appends (text to text, list to list).
toolstack::Result<std::vector<Setting>> merge(std::vector<Setting> settings, std::string_view source);

/// The canonical text of a value: what `parse` reads back as an equal value.
std::string print(const Value& value);

} // namespace config
