// SPDX-License-Identifier: Apache-2.0
// The interactive screen of top, and the lines that it shares with batch mode.
#pragma once

#include "domain/usage.hpp"
#include "xl/command.hpp"

#include <string>

namespace xl {

/// xentop's columns.
std::string top_header();
std::string top_row(const domain::Used& used, const domain::Sample& sample, bool full_name);

/// Shows samples until q, or for `rounds`. `delay` in seconds.
Result<int> show_top(Context& context, unsigned delay, std::uint64_t rounds, bool full_name);

} // namespace xl
