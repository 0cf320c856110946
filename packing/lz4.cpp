// SPDX-License-Identifier: Apache-2.0
// lz4 in its legacy frames, by liblz4.
#include "packing/decoders.hpp"

#include <algorithm>
#include <lz4.h>

namespace packing {

Unpacked unpack_lz4(View packed, std::span<std::uint8_t> out) {
    constexpr std::size_t block_size = std::size_t{8} << 20;
    constexpr std::uint32_t magic = 0x184c2102;
    std::size_t filled = 0;
    for (std::size_t at = 4; packed.size() > at && packed.size() - at >= 4;) {
        const std::size_t size = read_le<std::uint32_t>(packed, at);
        at += 4;
        if (size == magic) continue; // again, where streams were joined
        // The last block is followed by less than a block's head, or by what the kernel's build appends.
        if (size == 0 || size > packed.size() - at || size > LZ4_COMPRESSBOUND(block_size)) {
            if (filled != 0 && packed.size() == at) break;
            return std::unexpected(Trouble::Damaged);
        }
        if (filled == out.size()) return std::unexpected(Trouble::TooLarge);
        const std::size_t room = std::min(out.size() - filled, block_size);
        const int got = LZ4_decompress_safe(reinterpret_cast<const char*>(packed.data() + at),
                                            reinterpret_cast<char*>(out.data() + filled), static_cast<int>(size),
                                            static_cast<int>(room));
        if (got < 0) return std::unexpected(room < block_size ? Trouble::TooLarge : Trouble::Damaged);
        filled += static_cast<std::size_t>(got);
        at += size;
        if (static_cast<std::size_t>(got) < block_size) break;
    }
    if (filled == 0) return std::unexpected(Trouble::Damaged);
    return filled;
}

} // namespace packing
