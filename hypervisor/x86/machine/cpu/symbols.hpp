// SPDX-License-Identifier: Apache-2.0
// Names of the hypervisor's functions, by address.
#pragma once

#include "base/number.hpp"

#include <span>

namespace px::x86::symbols {

/// Writes "name+0x12/0x34" of an address in the image's text; false if it is elsewhere.
bool describe(u64 address, std::span<char> out);
/// True for an address in the image's text.
[[nodiscard]] bool is_text(u64 address);

} // namespace px::x86::symbols
