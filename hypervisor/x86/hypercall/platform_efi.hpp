// SPDX-License-Identifier: Apache-2.0
// XENPF_efi_runtime_call: dom0's way to EFI's runtime services.
#pragma once

#include "abi/platform.hpp"
#include "base/number.hpp"
#include "base/result.hpp"

namespace px::x86::platform {

/// Longest variable name, its end included, and largest variable that pass through here.
inline constexpr u64 longest_efi_name = 2048, largest_efi_variable = u64{1} << 20;

/// Fills op's out fields; op.status is what the firmware said. Errors: NoSys (no services, or none that is passed on),
/// Invalid (flags), NotSupported (firmware before UEFI 2.0), NoMemory, NameTooLong, Fault, Restart (make the call
/// again).
Result<> efi_runtime_call(abi::PlatformEfiRuntimeCall& op);

} // namespace px::x86::platform
