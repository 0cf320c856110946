// SPDX-License-Identifier: Apache-2.0
// Where the image's parts are (symbols of proxenos.lds) and where it lies in physical memory.
#pragma once

#include "base/number.hpp"
#include "x86/layout.hpp"

namespace px::x86::image {

extern "C" {
extern char px_image_start[], px_text_end[], px_rodata_start[], px_rodata_end[], px_data_start[], px_load_end[];
extern char px_entry_start[], px_entry_end[];
extern char px_image_end[], px_percpu_start[], px_percpu_end[];
}

/// Physical address of something in the image.
inline Paddr physical(const void* p) { return Paddr(reinterpret_cast<u64>(p) - layout::image_start); }
inline Paddr start() { return physical(px_image_start); }
inline Paddr end() { return physical(px_image_end); }

} // namespace px::x86::image
