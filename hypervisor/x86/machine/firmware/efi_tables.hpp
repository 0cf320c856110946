// SPDX-License-Identifier: Apache-2.0
// What the EFI system table says to dom0 (UEFI 2.10, section 4.3).
#pragma once

#include "base/number.hpp"

namespace px::x86::efi {

/// Facts about the firmware, copied once.
struct Firmware {
    static constexpr unsigned most_characters = 100;
    u32 version = 0;  ///< of the EFI specification: major << 16 | minor
    u32 revision = 0; ///< of the firmware
    u64 tables = 0;   ///< machine address of the configuration tables
    u32 table_count = 0;
    u16 vendor[most_characters + 1] = {}; ///< ends with 0
};

/// Null if the host was not started by EFI. Reads the table at the first call.
[[nodiscard]] const Firmware* firmware();

} // namespace px::x86::efi
