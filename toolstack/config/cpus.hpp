// SPDX-License-Identifier: Apache-2.0
// Sets of physical CPUs as users write them: "0-3,5,^1", "all", "nodes:0-1,^node:1".
#pragma once

#include "base/failure.hpp"

#include <bitset>
#include <functional>
#include <string>
#include <string_view>

namespace config {

inline constexpr std::size_t max_cpus = 1024; ///< more than Debian's Xen can have (256)
using CpuSet = std::bitset<max_cpus>;

/// Gives the CPUs of a NUMA node, for "node:" terms; may be empty when only plain numbers are allowed.
using NodeCpus = std::function<toolstack::Result<CpuSet>(unsigned node)>;

/// Reads a set. "all" is every bit. Terms apply from left to right; "^" removes; a text that begins with a removal
/// starts from all CPUs. "none" is the empty set.
toolstack::Result<CpuSet> parse_cpus(std::string_view text, const NodeCpus& node_cpus = {});

/// Ranges: "0-3,5"; "none" when empty; "all" when every one of the first `online` CPUs is in.
std::string print_cpus(const CpuSet& set, std::size_t online);

/// Plain ranges without the words: "0-3,5"; empty for the empty set.
std::string print_ranges(const CpuSet& set, std::size_t limit);

} // namespace config
