// SPDX-License-Identifier: Apache-2.0
// What Debian's static libraries of decoders need of a C library. Boot only.
#include "base/panic.hpp"
#include "memory/heap.hpp"
#include "x86/instructions.hpp"

namespace {

/// In front of each block: its size as an order of frames.
struct alignas(64) BlockHeader {
    unsigned order;
};

/// The decoders run with interrupts off (unpack.cpp), the heap wants them on: it may have to flush other CPUs. Whoever
/// calls a function keeps nothing below its stack pointer, so interrupts may come here.
class InterruptsOn {
  public:
    InterruptsOn() { px::x86::enable_interrupts(); }
    ~InterruptsOn() { px::x86::disable_interrupts(); }
    InterruptsOn(const InterruptsOn&) = delete;
    InterruptsOn& operator=(const InterruptsOn&) = delete;
};

} // namespace

extern "C" {

/// From the frame heap, in whole frames, zeroed.
void* malloc(std::size_t bytes) {
    if (bytes >= px::page_size << px::heap::max_order) return nullptr;
    unsigned order = 0;
    while ((px::page_size << order) < bytes + sizeof(BlockHeader)) ++order;
    if (order > px::heap::max_order) return nullptr;
    const InterruptsOn on;
    px::Frame* const frame = px::heap::allocate({.order = order});
    if (!frame) return nullptr;
    auto* const header = px::to_virtual<BlockHeader>(*frame);
    header->order = order;
    return header + 1;
}

void* calloc(std::size_t count, std::size_t bytes) {
    std::size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) return nullptr;
    return malloc(total);
}

void free(void* memory) {
    if (!memory) return;
    const InterruptsOn on;
    BlockHeader* const header = static_cast<BlockHeader*>(memory) - 1;
    px::heap::free(px::frame_of_virtual(header), header->order, false);
}

[[noreturn]] void __stack_chk_fail() { px::panic("a decoder of dom0's kernel has overrun its stack"); }

/// Behind the functions of c_library_absent.S.
[[noreturn]] void px_absent_c_function() {
    px::panic("a decoder of dom0's kernel has called a C function that is not there: the kernel may be damaged");
}
}
