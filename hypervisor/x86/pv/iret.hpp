// SPDX-License-Identifier: Apache-2.0
// The iret hypercall: how a guest kernel returns to where it was called from.
#pragma once

#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// Takes an IretContext from the guest kernel's stack and continues there, in user mode if its cs says so. Crashes the
/// domain when the frame cannot be read or there is no user page table.
void return_from_guest_kernel(PvVcpu& vcpu, x86::Registers& r);

} // namespace px::pv
