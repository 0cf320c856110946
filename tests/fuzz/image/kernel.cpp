// SPDX-License-Identifier: Apache-2.0
// Fuzzes kernel images: ELF, bzImage, every packing, and the layout of what was accepted.
#include "image/kernel.hpp"
#include "image/pv_layout.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto kernel = image::make_kernel({data, size});
    if (!kernel) return 0;
    auto layout = image::layout_pv(kernel->elf(), 100000, 64 << 8);
    if (layout && layout->ranges[0].frames.count > layout->pages) std::abort();
    return 0;
}
