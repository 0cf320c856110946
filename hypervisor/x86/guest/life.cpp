// SPDX-License-Identifier: Apache-2.0
// The end of domains and vCPUs on x86.
#include "memory/heap.hpp"
#include "x86/guest/fpu.hpp"
#include "x86/guest/port.hpp"

namespace px::guest {

X86Domain::~X86Domain() {
    destroy(policy);
    free_port_permissions(*this);
}

X86Vcpu::~X86Vcpu() { free_fpu(*this); }

} // namespace px::guest
