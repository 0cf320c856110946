// SPDX-License-Identifier: Apache-2.0
// Memory of a PV guest under construction.
#include "image/pv_memory.hpp"

#include "xen/memory.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr unsigned superpage_order = 9;
constexpr std::size_t chunk = 4096; ///< extents asked for in one call

Result<void> short_of_memory(std::uint64_t pages) {
    return fail(fmt::format("the host has not the {} MiB that the guest needs", pages >> 8),
                "free memory (xl info free_memory, xl mem-set 0 ...) or give the guest less");
}

} // namespace

void clear(std::span<std::uint8_t> area) {
    using Wide = long long __attribute__((vector_size(16)));
    auto at = area.data();
    auto end = at + area.size();
    while (at < end && reinterpret_cast<std::uintptr_t>(at) % sizeof(Wide)) *at++ = 0;
    for (; end - at >= 64; at += 64)
        for (int i = 0; i < 4; ++i) __builtin_nontemporal_store(Wide{}, reinterpret_cast<Wide*>(at) + i);
    while (at < end) *at++ = 0;
    __builtin_ia32_sfence();
}

Result<PvMemory> PvMemory::populate(const xen::Control& control, xen::DomId domain, std::uint64_t pages) {
    PvMemory memory(control, domain);
    auto buffer = xen::HypercallBuffer<xen::Frame>::allocate(chunk);
    if (!buffer) return fail(buffer.error().message());
    auto& frames = memory.frames_;
    frames.resize(pages);
    std::uint64_t done = 0;
    auto run = [&](unsigned order) -> Result<bool> { // false: no more at this order
        std::uint64_t size = std::uint64_t{1} << order;
        while (pages - done >= size) {
            auto count = std::min<std::uint64_t>((pages - done) >> order, chunk);
            for (std::size_t i = 0; i < count; ++i) (*buffer)[i].value = done + i * size;
            auto got = xen::populate(control, domain, *buffer, 0, count, order);
            if (!got) return fail(got.error().message());
            for (std::size_t i = 0; i < *got; ++i)
                for (std::uint64_t j = 0; j < size; ++j) frames[done + i * size + j] = (*buffer)[i].value + j;
            done += *got * size;
            if (*got < count) return false;
        }
        return true;
    };
    TRY(run(superpage_order));
    TRY(run(0));
    if (done < pages) TRY(short_of_memory(pages));
    return memory;
}

Result<Window> PvMemory::window(Frames frames) const {
    auto first = reinterpret_cast<const xen::Frame*>(frames_.data() + frames.first);
    auto mapping = control_->privcmd().map_foreign(domain_, {first, frames.count}, PROT_READ | PROT_WRITE);
    if (!mapping) return fail(mapping.error().message());
    return Window(std::move(*mapping), frames);
}

} // namespace image
