// SPDX-License-Identifier: Apache-2.0
// XENPF_firmware_info: what dom0 cannot ask the firmware itself.
#pragma once

#include "abi/platform.hpp"
#include "base/result.hpp"

namespace px::x86::platform {

/// Fills op's out fields. Errors: Search (no such item), NoSys (not started by EFI), NotSupported, Fault, Invalid.
Result<> firmware_info(abi::PlatformFirmwareInfo& op);

} // namespace px::x86::platform
