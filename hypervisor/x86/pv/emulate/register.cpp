// SPDX-License-Identifier: Apache-2.0
// MOV from and to control and debug registers by a paravirtual kernel, and the debug-register hypercalls.
#include "x86/instructions.hpp"
#include "x86/pv/emulate/control_register.hpp"
#include "x86/pv/emulate/debug_register.hpp"
#include "x86/pv/emulate/emulate.hpp"
#include "x86/pv/guest_copy.hpp"
#include "x86/pv/hypercall_rows.hpp"
#include "x86/pv/paging/pagetable.hpp"
#include "x86/pv/task_switched.hpp"

namespace px::pv {

namespace {

/// As MMUEXT_NEW_BASEPTR does, for kernels that never heard of it.
Emulated write_cr3(PvVcpu& vcpu, u64 value) {
    if (!settle_foreign_hold(vcpu.table_hold, vcpu.pv_domain())) return Emulated::Again;
    const auto set = [&]() -> Result<> {
        Guard guard(vcpu.pv_domain().page_table_lock);
        return set_kernel_table(vcpu, Mfn(value >> page_shift));
    }();
    if (!set) return set.error() == Error::Restart ? Emulated::Again : Emulated::Refused;
    return settle_all(vcpu.table_hold) ? Emulated::Done : Emulated::Again;
}

} // namespace

Emulated emulate_control_register(PvVcpu& vcpu, x86::Registers& r, const Instruction& op) {
    u64& operand = register_of(r, op.rm);
    const bool is_write = op.opcode == 0x22;
    switch (op.reg) {
    case 0:
        if (!is_write) {
            operand = guest_cr0(vcpu.control).raw();
        } else {
            const x86::Cr0 wanted{operand};
            if ((wanted ^ guest_cr0(vcpu.control)).has_any(~x86::cr0::task_switched)) return Emulated::Refused;
            set_task_switched(vcpu, wanted.has(x86::cr0::task_switched));
        }
        return Emulated::Done;
    case 2:
        if (is_write) vcpu.info->arch.cr2 = operand;
        else operand = vcpu.info->arch.cr2;
        return Emulated::Done;
    case 3:
        if (is_write) return write_cr3(vcpu, operand);
        operand = paddr_of(vcpu.kernel_l4).raw();
        return Emulated::Done;
    case 4:
        if (!is_write) {
            operand = guest_cr4(vcpu.control).raw();
        } else {
            vcpu.control.cr4 = owned_of_cr4(x86::Cr4(operand));
            x86::write_cr4(real_cr4(vcpu));
        }
        return Emulated::Done;
    default: return Emulated::Refused;
    }
}

Emulated emulate_debug_register(PvVcpu& vcpu, x86::Registers& r, const Instruction& op) {
    u64& operand = register_of(r, op.rm);
    if (op.opcode == 0x21) {
        const auto value = get_debug_register(vcpu, op.reg);
        if (!value) return Emulated::Refused;
        operand = *value;
        return Emulated::Done;
    }
    return set_debug_register(vcpu, op.reg, operand) ? Emulated::Done : Emulated::Refused;
}

Result<> set_debug_register(PvVcpu& vcpu, unsigned number, u64 value) {
    DebugRegisters& debug = vcpu.debug;
    switch (number) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (!is_guest_range(GuestVaddr(value), 1)) return fail(Error::Perm);
        debug.address[number] = GuestVaddr(value);
        break;
    case 4:
    case 6:
        if (value >> 32) return fail(Error::Invalid); // reserved
        debug.dr6 = normal_dr6(x86::Dr6(value));
        break;
    case 5:
    case 7:
        if (value >> 32) return fail(Error::Invalid);
        if (!is_valid_dr7(x86::Dr7(value))) return fail(Error::Perm);
        debug.dr7 = normal_dr7(x86::Dr7(value));
        break;
    default: return fail(Error::Invalid);
    }
    if (&vcpu == &current()) load_debug_registers(vcpu);
    return {};
}

Result<u64> get_debug_register(const PvVcpu& vcpu, unsigned number) {
    switch (number) {
    case 0:
    case 1:
    case 2:
    case 3: return vcpu.debug.address[number].raw();
    case 4:
    case 6: return vcpu.debug.dr6.raw();
    case 5:
    case 7: return vcpu.debug.dr7.raw();
    default: return fail(Error::Invalid);
    }
}

void load_debug_registers(const PvVcpu& vcpu) {
    const DebugRegisters& debug = vcpu.debug;
    if (!debug.dr7.has_any(x86::dr7::enables)) {
        x86::write_dr7(x86::dr7::nothing);
        return;
    }
    x86::write_dr0(debug.address[0].raw());
    x86::write_dr1(debug.address[1].raw());
    x86::write_dr2(debug.address[2].raw());
    x86::write_dr3(debug.address[3].raw());
    x86::write_dr6(x86::dr6::nothing);
    x86::write_dr7(debug.dr7);
}

} // namespace px::pv

namespace px::hypercall {

Outcome set_debugreg(Call& call) {
    if (call.args[0] > 7) return Outcome::error(Error::NoDevice);
    return Outcome::of(pv::set_debug_register(pv::current_pv(), static_cast<unsigned>(call.args[0]), call.args[1]));
}

Outcome get_debugreg(Call& call) {
    if (call.args[0] > 7) return Outcome::error(Error::NoDevice);
    const auto value = pv::get_debug_register(pv::current_pv(), static_cast<unsigned>(call.args[0]));
    return value ? Outcome::of(static_cast<s64>(*value)) : Outcome::error(value.error());
}

} // namespace px::hypercall
