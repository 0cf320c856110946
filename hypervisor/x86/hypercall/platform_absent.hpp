// SPDX-License-Identifier: Apache-2.0
// Platform operations with nothing behind them.
#pragma once

#include "abi/platform.hpp"
#include "base/result.hpp"

namespace px::x86::platform {

/// Answers what platform_op.cpp does not: fills the out fields, and sets copy_back if there are any. Errors: Xen's, for
/// what is wrong or not there; NoSys for what is unknown or off.
Result<> absent(abi::PlatformRequest& op, bool& copy_back);

} // namespace px::x86::platform
