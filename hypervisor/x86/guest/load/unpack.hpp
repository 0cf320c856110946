// SPDX-License-Identifier: Apache-2.0
// dom0's kernel as the boot loader brought it, made an ELF file.
#pragma once

#include "memory/heap.hpp"

#include <span>

namespace px::guest::load {

struct UnpackedKernel {
    std::span<const u8> file;
    Frame* memory = nullptr; ///< holds `file`, 2^order frames; null: it lies in the boot module
    unsigned order = 0;
};

/// Finds the kernel in a bzImage and unpacks it, whatever Linux has packed it with. Panics with what is wrong when it
/// cannot. Boot only: the decoders use the FPU's registers.
UnpackedKernel unpack_kernel(std::span<const u8> image);

} // namespace px::guest::load
