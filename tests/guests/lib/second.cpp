// SPDX-License-Identifier: Apache-2.0
// The second vCPU: its start and its loop.
#include "lib/second.hpp"
#include "lib/micro.hpp"

namespace micro {

void (*second_work)();
volatile unsigned second_runs;

long initialise_second() { return initialise_vcpu(1); }

long initialise_vcpu(unsigned vcpu) {
    static abi::VcpuGuestContext context; // two that fill it at once write the same
    context.flags = abi::vgcf_in_kernel;
    context.user_regs.rip = reinterpret_cast<u64>(secondary_start);
    context.user_regs.rsp = reinterpret_cast<u64>(secondary_stack_top);
    context.user_regs.cs = abi::flat_ring3_cs64;
    context.user_regs.ss = abi::flat_ring3_ss64;
    context.kernel_ss = abi::flat_ring3_ss64;
    context.kernel_sp = reinterpret_cast<u64>(secondary_stack_top);
    context.ctrlreg[3] = mfn_of(reinterpret_cast<void*>(start_info->pt_base)) * page_bytes;
    return call(abi::Hypercall::VcpuOp, abi::VcpuOp::Initialise, vcpu, &context);
}

bool start_second(void (*work)()) {
    if (call(abi::Hypercall::VcpuOp, abi::VcpuOp::IsUp, 1, 0) < 0) return false;
    if (!second_is_down()) return false;
    const long made = initialise_second();
    if (made != 0 && made != error(abi::Errno::Exists)) return false;
    second_work = work;
    return call(abi::Hypercall::VcpuOp, abi::VcpuOp::Up, 1, 0) == 0;
}

bool second_is_down() {
    const u64 end = system_time() + 5000000000;
    while (call(abi::Hypercall::VcpuOp, abi::VcpuOp::IsUp, 1, 0) == 1)
        if (system_time() > end) return false;
    return true;
}

} // namespace micro

extern "C" void secondary_main() {
    for (;;) {
        if (micro::second_work) micro::second_work();
        micro::second_runs = micro::second_runs + 1;
        micro::call(abi::Hypercall::VcpuOp, abi::VcpuOp::Down, 1, 0);
    }
}
