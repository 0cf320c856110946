// SPDX-License-Identifier: Apache-2.0
// The address space of EFI's runtime services.
#pragma once

#include "x86/arch/page_entry.hpp"
#include "x86/machine/firmware/efi_runtime.hpp"

namespace px::x86 {
/// Boot CPU: makes EFI's runtime services callable, where the host was started by EFI.
void init_efi();
} // namespace px::x86

namespace px::x86::efi {

/// Constant after init_efi().
struct Space {
    PageTable* l4 = nullptr;                ///< lower half: the firmware's regions; null: no services
    u32 revision = 0;                       ///< of the table of runtime services
    u64 entry[RuntimeServices::count] = {}; ///< 0: not there, or not in the firmware's runtime code
};
[[nodiscard]] const Space& space();

} // namespace px::x86::efi
