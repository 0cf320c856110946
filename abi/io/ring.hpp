// SPDX-License-Identifier: Apache-2.0
// Head of the request and response ring of split drivers (public/io/ring.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// Shared page head; entries of max(request, response) size follow at offset 64. Indices run free.
struct RingHeader {
    uint32_t req_prod, req_event;
    uint32_t rsp_prod, rsp_event;
    uint8_t pvt[4];
    uint8_t __pad[44];
};
static_assert(sizeof(RingHeader) == 64);

/// Entries that fit: the largest power of two.
constexpr uint32_t ring_entries(size_t ring_bytes, size_t entry_bytes) {
    size_t fit = (ring_bytes - sizeof(RingHeader)) / entry_bytes;
    uint32_t n = 1;
    while (size_t{n} * 2 <= fit) n *= 2;
    return n;
}

/// Values of the store key "protocol".
inline constexpr char io_protocol_x86_32[] = "x86_32-abi";
inline constexpr char io_protocol_x86_64[] = "x86_64-abi";

} // namespace abi
