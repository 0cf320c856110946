// SPDX-License-Identifier: Apache-2.0
// Rights of the pages of EFI's runtime regions.
#include "boot/efi_map.hpp"
#include "x86/machine/firmware/efi_runtime.hpp"

#include <algorithm>

namespace px::x86::efi {
namespace {

const EfiRegion* part_with(u64 address, std::span<const EfiRegion> rights) {
    for (const EfiRegion& part : rights)
        if (part.contains(address)) return &part;
    return nullptr;
}

} // namespace

Rights rights_of(const EfiRegion& region, u64 address, std::span<const EfiRegion> rights) {
    if (region.type != EfiRegion::RuntimeCode) return {true, false};
    // An image's data lies beside its code: without the table all of it must be both.
    const EfiRegion* part = part_with(address, rights);
    if (!part) return {true, true};
    const bool read_only = part->attributes & efi_attribute::read_only,
               no_execute = part->attributes & efi_attribute::no_execute;
    return {!read_only, !no_execute};
}

u64 same_rights(const EfiRegion& region, u64 address, std::span<const EfiRegion> rights) {
    u64 end = region.end();
    for (const EfiRegion& part : rights) {
        if (part.start > address) end = std::min(end, part.start);
        else if (part.contains(address)) end = std::min(end, part.end());
    }
    return end - address;
}

} // namespace px::x86::efi
