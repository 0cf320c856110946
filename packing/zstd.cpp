// SPDX-License-Identifier: Apache-2.0
// zstd, by libzstd: one frame in one call, so that the output itself is the window and none is allocated.
#include "packing/decoders.hpp"

#include <zstd.h>
#include <zstd_errors.h>

namespace packing {

Unpacked unpack_zstd(View packed, std::span<std::uint8_t> out) {
    const std::size_t frame = ZSTD_findFrameCompressedSize(packed.data(), packed.size());
    if (ZSTD_isError(frame)) return std::unexpected(Trouble::Damaged);
    const std::size_t produced = ZSTD_decompress(out.data(), out.size(), packed.data(), frame);
    if (!ZSTD_isError(produced)) return produced;
    switch (ZSTD_getErrorCode(produced)) {
    case ZSTD_error_dstSize_tooSmall: return std::unexpected(Trouble::TooLarge);
    case ZSTD_error_memory_allocation: return std::unexpected(Trouble::NoMemory);
    default: return std::unexpected(Trouble::Damaged);
    }
}

} // namespace packing
