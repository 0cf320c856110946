// SPDX-License-Identifier: Apache-2.0
// All options of the image (host tests bring their own).
#pragma once

#include "boot/options.hpp"

#include <span>

namespace px::options {

#ifdef PROXENOS_HYPERVISOR
extern "C" const BootOption px_options_start[], px_options_end[];
inline std::span<const BootOption> all() { return {px_options_start, px_options_end}; }
#else
std::span<const BootOption> all();
#endif

} // namespace px::options
