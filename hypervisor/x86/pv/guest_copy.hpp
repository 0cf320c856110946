// SPDX-License-Identifier: Apache-2.0
// Access to the current guest's virtual memory: range checks, and copies that survive faults.
#pragma once

#include "base/number.hpp"
#include "x86/arch/address.hpp"
#include "x86/fixup.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"

namespace px::pv {

using x86::is_canonical;

/// True if [address, address + bytes) is memory a guest may name: the lower half, or above the hypervisor's hole.
constexpr bool is_guest_range(GuestVaddr address, u64 bytes) {
    constexpr GuestVaddr lower_end(u64{1} << 47), upper_start(x86::layout::hole_end);
    if (address < lower_end) return bytes <= lower_end - address;
    return address >= upper_start && bytes <= 0 - address.raw();
}

/// True if CR4.SMAP is set (constant after boot).
extern bool smap_in_use;

/// Opens user pages for a scope.
class UserAccess {
  public:
    UserAccess() {
        if (smap_in_use) x86::stac();
    }
    ~UserAccess() {
        if (smap_in_use) x86::clac();
    }
    UserAccess(const UserAccess&) = delete;
    UserAccess& operator=(const UserAccess&) = delete;
};

/// Copies in the address space that is loaded now; the guest's side must have passed is_guest_range. Returns the bytes
/// NOT copied.
inline u64 copy_with_fixup(void* to, const void* from, u64 bytes) {
    u64 words = bytes / 8;
    u64 rest = bytes % 8;
    asm volatile("1: rep movsq\n"
                 "movq %[rest], %%rcx\n"
                 "2: rep movsb\n"
                 "jmp 4f\n"
                 "3: leaq (%[rest], %%rcx, 8), %%rcx\n" // words left, and the rest
                 "4:\n" PX_FIXUP("1b", "3b") PX_FIXUP("2b", "4b")
                 : "+&c"(words), "+&D"(to), "+&S"(from)
                 : [rest] "r"(rest)
                 : "memory");
    return words;
}

/// Copies guest memory of the mode the guest is in (kernel or user). Returns the bytes NOT copied.
inline u64 copy_from_active(void* to, GuestVaddr from, u64 bytes) {
    if (!is_guest_range(from, bytes)) [[unlikely]]
        return bytes;
    const UserAccess open;
    return copy_with_fixup(to, reinterpret_cast<const void*>(from.raw()), bytes);
}
inline u64 copy_to_active(GuestVaddr to, const void* from, u64 bytes) {
    if (!is_guest_range(to, bytes)) [[unlikely]]
        return bytes;
    const UserAccess open;
    return copy_with_fixup(reinterpret_cast<void*>(to.raw()), from, bytes);
}

} // namespace px::pv
