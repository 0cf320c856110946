// SPDX-License-Identifier: Apache-2.0
// What was given in place of a configuration: files of other tools, Python, other encodings. Looked at only when a text
// could not be read, to say what it is.
#pragma once

#include "base/failure.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace config {

/// What the text is, where it stands and what to do, if it is recognised.
std::optional<toolstack::Failure> recognise(std::string_view text, std::string_view source);

/// A character for a message: in quotes where it can be seen, by name or number where not.
std::string name_character(std::string_view text);

} // namespace config
