// SPDX-License-Identifier: Apache-2.0
// Console hypercall and the PV console ring (public/xen.h, public/io/console.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// First argument of hypercall console_io.
enum class ConsoleIo : uint32_t { Write = 0, Read = 1 };

/// Page shared between a guest and its console daemon. Indices run free; mask by ring size.
struct ConsoleInterface {
    char in[1024];
    char out[2048];
    uint32_t in_cons, in_prod;
    uint32_t out_cons, out_prod;
};
static_assert(sizeof(ConsoleInterface) == 3088);
static_assert(offsetof(ConsoleInterface, out_prod) == 3084);

/// Port of the HVM debug console.
inline constexpr uint16_t hvm_debugcons_ioport = 0xe9;

} // namespace abi
