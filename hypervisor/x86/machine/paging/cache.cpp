// SPDX-License-Identifier: Apache-2.0
#include "memory/cache.hpp"

#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu_features.hpp"

namespace px {

void cache::flush(const Frame& frame) {
    // CLFLUSH finds a line by its physical address, in all caches of the coherence domain and whatever the memory type,
    // so that one mapping on one CPU is enough (SDM volume 2; APM volume 3). Only fences order it with other CPUs'
    // stores and with loads: what was seen before stays before, what is read afterwards comes from memory.
    const auto* const start = to_virtual<const char>(frame);
    x86::mfence();
    for (u64 at = 0; at < page_size; at += x86::cpu_features.cache_line_bytes) x86::clflush(start + at);
    x86::mfence();
}

} // namespace px
