// SPDX-License-Identifier: Apache-2.0
// The lock of index-and-data port pairs that dom0 uses beside the hypervisor.
#pragma once

#include "base/lock.hpp"

namespace px::x86 {

/// Guards 0xcf8/0xcfc (PCI configuration) and 0x70/0x71 (CMOS): take it (IrqGuard) around each index-data sequence.
inline SpinLock<LockRank::Machine> port_pair_lock;

} // namespace px::x86
