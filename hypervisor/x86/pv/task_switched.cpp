// SPDX-License-Identifier: Apache-2.0
// CR0.TS as a paravirtual guest sees it.
#include "x86/pv/task_switched.hpp"

#include "x86/instructions.hpp"
#include "x86/pv/hypercall_rows.hpp"

namespace px::pv {

void set_task_switched(PvVcpu& vcpu, bool set) {
    if (vcpu.control.task_switched == set) return;
    vcpu.control.task_switched = set;
    if (set) x86::write_cr0(x86::read_cr0() | x86::cr0::task_switched);
    else x86::clts();
}

} // namespace px::pv

namespace px::hypercall {

Outcome fpu_taskswitch(Call& call) {
    pv::set_task_switched(pv::current_pv(), call.args[0] != 0);
    return Outcome::of(0);
}

} // namespace px::hypercall
