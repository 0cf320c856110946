// SPDX-License-Identifier: Apache-2.0
// Debian's liblzma and zlib, linked into the image: what they need of a C library, and the calls.
#include "base/panic.hpp"
#include "memory/heap.hpp"
#include "x86/instructions.hpp"
#include "x86/pv/dom0/decompress.hpp"

#include <lzma.h>
#include <zlib.h>

namespace px::pv::dom0 {

namespace {

/// In front of each block: its size as an order of frames.
struct alignas(64) BlockHeader {
    unsigned order;
};

/// The libraries' functions keep a stack canary at %fs:0x28: there must be memory.
class CanaryArea {
  public:
    CanaryArea() { x86::wrfsbase(reinterpret_cast<u64>(area_)); }
    ~CanaryArea() { x86::wrfsbase(0); }
    CanaryArea(const CanaryArea&) = delete;
    CanaryArea& operator=(const CanaryArea&) = delete;

  private:
    alignas(64) u8 area_[64] = {};
};

Result<std::size_t> unpack_xz(std::span<const u8> in, std::span<u8> out) {
    u64 memory_limit = u64{1} << 30;
    std::size_t consumed = 0, produced = 0;
    // The kernel's build appends the size: it is no part of the stream.
    const lzma_ret result = lzma_stream_buffer_decode(&memory_limit, 0, nullptr, in.data(), &consumed, in.size() - 4,
                                                      out.data(), &produced, out.size());
    if (result != LZMA_OK) return fail(Error::NoExec);
    return produced;
}

Result<std::size_t> unpack_gzip(std::span<const u8> in, std::span<u8> out) {
    constexpr int window_and_gzip = 15 + 16;
    z_stream stream{};
    stream.next_in = const_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    if (inflateInit2(&stream, window_and_gzip) != Z_OK) return fail(Error::NoMemory);
    const int result = inflate(&stream, Z_FINISH);
    const std::size_t produced = stream.total_out;
    inflateEnd(&stream);
    if (result != Z_STREAM_END) return fail(Error::NoExec);
    return produced;
}

} // namespace

Result<std::size_t> unpack(std::span<const u8> payload, Packing packing, std::span<u8> out) {
    const CanaryArea canary;
    x86::clts();
    switch (packing) {
    case Packing::Xz: return unpack_xz(payload, out);
    case Packing::Gzip: return unpack_gzip(payload, out);
    default: return fail(Error::NoExec);
    }
}

} // namespace px::pv::dom0

// The C library as far as the two use it: their memory comes from the frame heap, while dom0 is built.
extern "C" {

using px::pv::dom0::BlockHeader;

void* malloc(std::size_t bytes) {
    unsigned order = 0;
    while ((px::page_size << order) < bytes + sizeof(BlockHeader)) ++order;
    if (order > px::heap::max_order) return nullptr;
    px::Frame* const frame = px::heap::allocate({.order = order});
    if (!frame) return nullptr;
    auto* const header = px::to_virtual<BlockHeader>(*frame);
    header->order = order;
    return header + 1;
}

/// Frames of the heap are zeroed.
void* calloc(std::size_t count, std::size_t bytes) {
    std::size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) return nullptr;
    return malloc(total);
}

void free(void* memory) {
    if (!memory) return;
    BlockHeader* const header = static_cast<BlockHeader*>(memory) - 1;
    px::heap::free(px::frame_of_virtual(header), header->order, false);
}

[[noreturn]] void __stack_chk_fail() { px::panic("a decompressor has overrun its stack"); }
}
