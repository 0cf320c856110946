// SPDX-License-Identifier: Apache-2.0
// Fuzzes the decoders of kernels' packings: the first byte chooses, for formats whose magic is hard to find.
#include "packing/decoders.hpp"

#include <cstdlib>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::vector<std::uint8_t> out(1 << 16);
    const packing::View packed(data + 1, size - 1);
    const auto done = data[0] % 8 == 7 ? packing::unpack_lzo1x(packed, out)
                                       : packing::unpack(packed, static_cast<packing::Packing>(data[0] % 8), out);
    if (done && *done > out.size()) std::abort();
    return 0;
}
