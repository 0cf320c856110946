// SPDX-License-Identifier: Apache-2.0
// Builds a PVH guest: everything that docs/misc/pvh.pandoc and the kernel expect at its entry.
#include "image/pvh_build.hpp"

#include "image/acpi.hpp"
#include "image/place.hpp"
#include "image/pvh_state.hpp"
#include "xen/hvm.hpp"
#include "xen/memory.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <sys/mman.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr std::size_t chunk = 4096; ///< extents asked for in one call
constexpr std::uint64_t special_frames[] = {xenstore_frame, identity_table_frame, console_frame};

std::vector<std::uint8_t> acpi_tables(const PvhRequest& request) {
    if (!request.acpi) return {};
    std::vector<AcpiProcessor> processors;
    for (unsigned i = 0; i < request.max_vcpus; ++i) processors.push_back({i, i * 2, i < request.vcpus});
    return make_acpi_tables(acpi_address, lapic_address, processors);
}

/// Populates a run of guest frames in the largest extents that their numbers allow and that the host has.
Result<void> populate(const xen::Control& control, xen::DomId domain, Frames frames) {
    constexpr unsigned orders[] = {18, 9, 0};
    auto buffer = TRY(low(xen::HypercallBuffer<xen::Frame>::allocate(chunk)));
    std::size_t largest = 0; // index of the largest order that the host still has
    for (auto at = frames.first; at < frames.end();) {
        auto fits = [&](std::size_t i) {
            return at % (std::uint64_t{1} << orders[i]) == 0 && frames.end() - at >= std::uint64_t{1} << orders[i];
        };
        auto chosen = largest;
        while (!fits(chosen)) ++chosen;
        auto end = frames.end();
        if (chosen > largest) { // up to where larger ones may begin
            auto larger = std::uint64_t{1} << orders[chosen - 1];
            end = std::min(end, (at / larger + 1) * larger);
        }
        auto order = orders[chosen];
        auto count = std::min<std::uint64_t>((end - at) >> order, chunk);
        for (std::size_t i = 0; i < count; ++i) buffer[i].value = at + (i << order);
        auto got = TRY(low(xen::populate(control, domain, buffer, 0, count, order)));
        at += got << order;
        if (got == count) continue;
        if (order == 0)
            return fail(fmt::format("the host has not the {} MiB that the guest needs", frames.count >> 8),
                        "free memory (xl info free_memory, xl mem-set 0 ...) or give the guest less");
        largest = chosen + 1;
    }
    return {};
}

Result<Window> window(const xen::Control& control, xen::DomId domain, Frames frames) {
    std::vector<xen::Frame> list(frames.count);
    for (std::size_t i = 0; i < list.size(); ++i) list[i].value = frames.first + i;
    auto mapping = control.privcmd().map_foreign(domain, list, PROT_READ | PROT_WRITE);
    if (!mapping) return fail(mapping.error().message());
    return Window(std::move(*mapping), frames);
}

void place_bytes(Window& window, Frames frames, View bytes) {
    auto area = window.from(frames.first).first(frames.count << page_shift);
    std::memcpy(area.data(), bytes.data(), bytes.size());
    clear(area.subspan(bytes.size()));
}

/// Page directory of 4 MiB pages that map 4 GiB to themselves: what processors run on that cannot be without paging as
/// guests.
void place_identity_table(std::span<std::uint8_t> page) {
    constexpr std::uint32_t present_writable_user = 7, accessed_dirty = 3 << 5, large = 1 << 7;
    for (std::uint32_t i = 0; i < 1024; ++i) {
        auto entry = i << 22 | present_writable_user | accessed_dirty | large;
        std::memcpy(page.data() + i * sizeof entry, &entry, sizeof entry);
    }
}

Result<void> place_specials(const xen::Control& control, const PvhRequest& request) {
    for (auto frame : special_frames) TRY(populate(control, request.domain, {frame, 1}));
    auto area = TRY(window(control, request.domain, {xenstore_frame, 1}));
    clear(area.from(xenstore_frame));
    auto top = TRY(window(control, request.domain, {identity_table_frame, 2}));
    place_identity_table(top.from(identity_table_frame).first(page_bytes));
    clear(top.from(console_frame));
    return {};
}

Result<void> set_parameters(const xen::Control& control, const PvhRequest& request) {
    const std::pair<abi::HvmParamIndex, std::uint64_t> parameters[] = {
        {abi::HvmParamIndex::StorePfn, xenstore_frame},
        {abi::HvmParamIndex::StoreEvtchn, request.store_port.value},
        {abi::HvmParamIndex::ConsolePfn, console_frame},
        {abi::HvmParamIndex::ConsoleEvtchn, request.console_port.value},
        {abi::HvmParamIndex::IdentPt, identity_table_frame << page_shift},
    };
    for (auto& [index, value] : parameters) TRY(low(xen::set_hvm_parameter(control, request.domain, index, value)));
    return {};
}

Result<void> place_images(const xen::Control& control, const Kernel& kernel, const File* ramdisk,
                          const PvhRequest& request, const PvhLayout& layout, PvhBuilt& built) {
    // From the kernel to the RAM disk all lies side by side, so that one window shows it.
    auto& view = built.windows.emplace_back(
        TRY(window(control, request.domain, {layout.kernel.first, layout.ramdisk.end() - layout.kernel.first})));
    TRY(place_kernel(view, kernel, layout.kernel, [](const Segment& segment) { return segment.address; }));
    place_bytes(view, layout.start_info, make_start_info(layout, request.command_line));
    if (ramdisk) TRY(place_file(view, layout.ramdisk, *ramdisk));
    return {};
}

Result<void> start_vcpu(const xen::Control& control, const PvhRequest& request, const PvhLayout& layout) {
    auto current = TRY(low(xen::hvm_context(control, request.domain)));
    auto wanted = TRY(initial_context(current, layout.entry, layout.start_info.first << page_shift));
    return low(xen::set_hvm_context(control, request.domain, wanted));
}

} // namespace

std::uint64_t extra_pages(const PvhRequest& request) {
    return std::size(special_frames) + (acpi_tables(request).size() + page_bytes - 1) / page_bytes;
}

Result<PvhLayout> plan_pvh(const Kernel& kernel, const File* ramdisk, const PvhRequest& request) {
    return layout_pvh(kernel.elf(), ramdisk ? ramdisk->view().size() : 0, request.command_line.size(),
                      acpi_tables(request).size(), request.pages);
}

Result<PvhBuilt> build_pvh(const xen::Control& control, const Kernel& kernel, const File* ramdisk,
                           const PvhRequest& request) {
    auto layout = TRY(plan_pvh(kernel, ramdisk, request));
    auto policy = TRY(low(xen::cpu_policy(control, request.domain)));
    shape_policy(policy, request.stable_tsc && has_invariant_tsc(TRY(low(xen::host_cpu_policy(control)))));
    TRY(low(xen::set_cpu_policy(control, request.domain, policy)));
    TRY(low(xen::set_memory_map(control, request.domain, layout.memory_map)));
    for (auto& frames : layout.ram) TRY(populate(control, request.domain, frames));
    PvhBuilt built;
    TRY(place_images(control, kernel, ramdisk, request, layout, built));
    if (auto tables = acpi_tables(request); !tables.empty()) {
        TRY(populate(control, request.domain, layout.acpi));
        auto area = TRY(window(control, request.domain, layout.acpi));
        place_bytes(area, layout.acpi, tables);
    }
    TRY(place_specials(control, request));
    TRY(set_parameters(control, request));
    TRY(seed_grants(control, request.domain, {request.console_domain, built.console_ring},
                    {request.store_domain, built.store_ring}));
    TRY(start_vcpu(control, request, layout));
    return built;
}

} // namespace image
