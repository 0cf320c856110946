// SPDX-License-Identifier: Apache-2.0
// Ways a guest ends: each is run alone.
#include "lib/micro.hpp"

using namespace micro;
using abi::Hypercall;

/// A trap without a handler: the guest is crashed, the hypervisor lives.
MICRO_CASE_ALONE(crash_without_handler) {
    call(Hypercall::SetTrapTable, u64{0});
    asm volatile("ud2");
}

/// A kernel stack that cannot take the frame.
MICRO_CASE_ALONE(crash_by_bad_stack) {
    asm volatile("mov $0x1000, %rsp; ud2");
}

/// A register frame that no ring-3 code may have.
MICRO_CASE_ALONE(crash_by_iret_to_hypervisor) {
    asm volatile("push $0x10; push $0; push $2; push $0x8; push $0; iretq");
}

MICRO_CASE_ALONE(reboot) { shut_down(1); }
