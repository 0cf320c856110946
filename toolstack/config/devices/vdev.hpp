// SPDX-License-Identifier: Apache-2.0
// Virtual disk names and their numbers (docs/man xen-vbd-interface: xvda is 51712, hda is 768).
#pragma once

#include "base/failure.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace config {

/// Number of a virtual disk: from "xvda", "xvda3", "hdb", "sdc1", "d5p2", or a plain number (0x allowed).
/// The numbering is the one that front ends use: xvd and d*p* below 16 disks and 16 partitions have major 202,
/// beyond that the extended form (bit 28); hd and sd have their historical majors.
toolstack::Result<std::uint32_t> vdev_number(std::string_view name);

/// Name of a number, the inverse for every number that a name gives; other numbers print as decimal.
std::string vdev_name(std::uint32_t number);

} // namespace config
