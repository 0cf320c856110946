// SPDX-License-Identifier: Apache-2.0
// Memory before there is a heap.
#pragma once

#include "base/number.hpp"

namespace px::x86::boot_memory {

/// True until what is left was given to the heap.
[[nodiscard]] bool is_open();
/// Takes RAM, as high as possible; invalid if there is none. align: a power of two, at least a page.
[[nodiscard]] Paddr take(u64 bytes, u64 align);

} // namespace px::x86::boot_memory
