// SPDX-License-Identifier: Apache-2.0
// Images and grants put into a guest under construction.
#include "image/place.hpp"

#include "abi/grant_table.hpp"
#include "abi/memory.hpp"
#include "xen/memory.hpp"

#include <sys/mman.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

Result<void> place_kernel(Window& window, const Kernel& kernel, Frames frames,
                          const std::function<Result<std::uint64_t>(const Segment&)>& offset_of) {
    auto base = frames.first << page_shift;
    auto area = window.from(frames.first).first(frames.count << page_shift);
    std::uint64_t cleared = 0; // bytes of the area that hold their final contents
    for (auto& segment : kernel.elf().segments) {
        auto at = TRY(offset_of(segment)) - base;
        if (at > area.size() || segment.size > area.size() - at)
            return fail("the kernel has a segment outside its image");
        if (at > cleared) clear(area.subspan(cleared, at - cleared));
        TRY(kernel.copy(segment.data, area.data() + at));
        clear(area.subspan(at + segment.data.size(), segment.size - segment.data.size()));
        cleared = std::max(cleared, at + segment.size);
    }
    clear(area.subspan(cleared));
    return {};
}

Result<void> place_file(Window& window, Frames frames, const File& file) {
    auto area = window.from(frames.first).first(frames.count << page_shift);
    auto size = file.view().size();
    TRY(file.copy(file.view(), area.data()));
    clear(area.subspan(size));
    return {};
}

Result<void> seed_grants(const xen::Control& control, xen::DomId domain, Ring console, Ring store) {
    auto mapping = control.privcmd().map_resource(domain, static_cast<std::uint32_t>(abi::ResourceType::GrantTable),
                                                  abi::resource_grant_table_id_shared, 0, 1, PROT_READ | PROT_WRITE);
    if (!mapping) { // hypervisors before 4.12
        auto frame = TRY(low(xen::grant_table_frame(control, domain)));
        mapping = control.privcmd().map_foreign(domain, {&frame, 1}, PROT_READ | PROT_WRITE);
    }
    if (!mapping) return fail(mapping.error().message());
    auto entries = mapping->as<abi::GrantEntryV1>();
    auto seed = [&](std::size_t index, Ring ring) {
        entries[index].domid = ring.server.value;
        entries[index].frame = static_cast<std::uint32_t>(ring.frame.value);
        __atomic_store_n(&entries[index].flags, abi::gtf_permit_access,
                         __ATOMIC_RELEASE); // last: it makes the entry valid
    };
    seed(0, console);
    seed(1, store);
    return {};
}

} // namespace image
