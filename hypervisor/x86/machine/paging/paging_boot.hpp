// SPDX-License-Identifier: Apache-2.0
// Memory before there is a heap.
#pragma once

#include "base/number.hpp"

namespace px::x86 {

/// Reads boot_info's map: direct map, frame table, M2P; gives RAM to the heap; W^X for the image.
void init_memory();

namespace boot_memory {

/// True until what is left was given to the heap.
[[nodiscard]] bool is_open();
/// Takes RAM, as high as possible; invalid if there is none. align: a power of two, at least a page.
[[nodiscard]] Paddr take(u64 bytes, u64 align);

} // namespace boot_memory
} // namespace px::x86
