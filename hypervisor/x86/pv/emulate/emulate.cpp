// SPDX-License-Identifier: Apache-2.0
// Emulation of privileged instructions that a paravirtual kernel may still execute (they raise #GP in ring 3).
#include "x86/pv/emulate/emulate.hpp"

#include "x86/guest/fpu.hpp"
#include "x86/guest/msr.hpp"
#include "x86/instructions.hpp"
#include "x86/pv/bounce.hpp"
#include "x86/pv/emulate/control_register.hpp"
#include "x86/pv/emulate/msr.hpp"
#include "x86/pv/task_switched.hpp"
#include "x86/pv/trap.hpp"

namespace px::pv {

std::size_t fetch_instruction(const x86::Registers& r, u8 (&bytes)[max_instruction_bytes]) {
    const GuestVaddr rip(r.rip);
    const u64 to_page_end = page_size - (r.rip & ~page_mask);
    const u64 first = to_page_end < max_instruction_bytes ? to_page_end : max_instruction_bytes;
    if (copy_from_active(bytes, rip, first) != 0) return 0;
    const u64 rest = max_instruction_bytes - first;
    if (rest != 0 && copy_from_active(bytes + first, rip + first, rest) != 0) return first;
    return max_instruction_bytes;
}

bool runs_64bit_code(const x86::Registers& r) {
    if (static_cast<u16>(r.cs) == abi::flat_ring3_cs64) return true;
    u32 rights;
    bool is_valid;
    // The descriptor may be in a page of the LDT that is not mapped yet, which is done meanwhile; or that cannot be.
    asm goto("1: larl %k2, %0" PX_FIXUP("1b", "%l[fault]")
             : "=r"(rights), "=@ccz"(is_valid)
             : "r"(r.cs & 0xffff)
             :
             : fault);
    return is_valid && (rights & 1u << 21) != 0;
fault:
    return false;
}

bool has_io_privilege(const PvVcpu& vcpu) {
    const bool architectural = vcpu.domain.vm_assist >> static_cast<u32>(abi::VmAssistType::ArchitecturalIopl) & 1;
    const u32 level = vcpu.in_kernel_mode ? (architectural ? 0 : 1) : 3;
    return vcpu.iopl >= level;
}

namespace {

void set_low_halves(x86::Registers& r, u64 value) {
    r.rax = static_cast<u32>(value);
    r.rdx = value >> 32;
}

x86::Msr msr_of(const x86::Registers& r) { return static_cast<x86::Msr>(static_cast<u32>(r.rcx)); }

Emulated read_msr_instruction(PvVcpu& vcpu, x86::Registers& r) {
    u64 value;
    if (!vcpu.in_kernel_mode || !read_msr(vcpu, msr_of(r), value)) return Emulated::Refused;
    set_low_halves(r, value);
    return Emulated::Done;
}

Emulated write_msr_instruction(PvVcpu& vcpu, x86::Registers& r) {
    const u64 value = (r.rdx << 32) | static_cast<u32>(r.rax);
    if (!vcpu.in_kernel_mode || !write_msr(vcpu, msr_of(r), value)) return Emulated::Refused;
    return Emulated::Done;
}

/// RDTSC and RDTSCP come here when CR4.TSD is set: by the guest kernel for its user mode, or by the hypervisor for
/// both.
bool may_read_time_stamp(const PvVcpu& vcpu) { return vcpu.in_kernel_mode || !vcpu.control.cr4.has(x86::cr4::tsd); }

/// CPUID comes here where it faults outside ring 0. The kernel may want the same of its user mode.
bool may_read_cpuid(const PvVcpu& vcpu) { return vcpu.in_kernel_mode || !vcpu.cpuid_faults; }

/// 0F 01: XSETBV, RDTSCP, LMSW.
Emulated group7(PvVcpu& vcpu, x86::Registers& r, const Instruction& op) {
    if (op.is_memory) return Emulated::Refused;
    if (op.extension() == 2 && op.rm == 1) {
        if (!vcpu.control.cr4.has(x86::cr4::osxsave)) {
            inject_exception(vcpu, r, x86::Exception::InvalidOpcode);
            return Emulated::Delivered;
        }
        const u64 value = (r.rdx << 32) | static_cast<u32>(r.rax);
        if (!vcpu.in_kernel_mode || static_cast<u32>(r.rcx) != 0 || !set_xcr0(vcpu, value)) return Emulated::Refused;
        return Emulated::Done;
    }
    if (op.extension() == 7 && op.rm == 1) {
        if (!may_read_time_stamp(vcpu)) return Emulated::Refused;
        set_low_halves(r, read_time_stamp(vcpu.pv_domain()));
        r.rcx = vcpu.tsc_aux;
        return Emulated::Done;
    }
    return Emulated::Refused;
}

Emulated dispatch(PvVcpu& vcpu, x86::Registers& r, const Instruction& op) {
    const bool kernel = vcpu.in_kernel_mode;
    switch (opcode_of(op)) {
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x6f:
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef: return emulate_port_io(vcpu, r, op);
    case 0xfa:
    case 0xfb: return has_io_privilege(vcpu) ? Emulated::Done : Emulated::Refused; // no effect, as on Xen
    case 0x0f01: return group7(vcpu, r, op);
    case 0x0f06:
        if (!kernel) return Emulated::Refused;
        set_task_switched(vcpu, false);
        return Emulated::Done;
    case 0x0f09: // INVD is refused: it would lose what others wrote
        if (!kernel) return Emulated::Refused;
        if (vcpu.domain.is_hardware_domain) x86::wbinvd();
        return Emulated::Done;
    case 0x0f20:
    case 0x0f22: return kernel && !op.is_memory ? emulate_control_register(vcpu, r, op) : Emulated::Refused;
    case 0x0f21:
    case 0x0f23: return kernel && !op.is_memory ? emulate_debug_register(vcpu, r, op) : Emulated::Refused;
    case 0x0f30: return write_msr_instruction(vcpu, r);
    case 0x0f31:
        if (!may_read_time_stamp(vcpu)) return Emulated::Refused;
        set_low_halves(r, read_time_stamp(vcpu.pv_domain()));
        return Emulated::Done;
    case 0x0f32: return read_msr_instruction(vcpu, r);
    case 0x0fa2:
        if (!may_read_cpuid(vcpu)) return Emulated::Refused;
        emulate_cpuid(vcpu, r);
        return Emulated::Done;
    default: return Emulated::Refused;
    }
}

} // namespace

bool emulate_privileged(PvVcpu& vcpu, x86::Registers& r) {
    u8 bytes[max_instruction_bytes];
    const std::size_t count = fetch_instruction(r, bytes);
    const bool is_64bit = runs_64bit_code(r);
    const auto op = decode({bytes, count}, is_64bit ? CodeSize::Bits64 : CodeSize::Bits32);
    if (!op) return false;
    if (op->lock) { // on none of these
        inject_exception(vcpu, r, x86::Exception::InvalidOpcode);
        return true;
    }
    const u64 rip = r.rip;
    switch (dispatch(vcpu, r, *op)) {
    case Emulated::Refused: return false;
    case Emulated::Again:
    case Emulated::Delivered: return true;
    case Emulated::Done: break;
    }
    r.rip = is_64bit ? rip + op->length : static_cast<u32>(rip + op->length);
    if (r.rflags.has(rflags::trap)) {
        r.rflags &= ~rflags::resume;
        vcpu.debug.dr6 |= x86::dr6::single_step;
        inject_exception(vcpu, r, x86::Exception::Debug);
    } else {
        r.rflags &= ~rflags::resume;
    }
    return true;
}

bool emulate_forced(PvVcpu& vcpu, x86::Registers& r) {
    constexpr std::size_t prefix = sizeof(abi::emulate_prefix);
    u8 bytes[prefix + 2];
    if (copy_from_active(bytes, GuestVaddr(r.rip), sizeof(bytes)) != 0) return false;
    for (std::size_t i = 0; i < prefix; ++i)
        if (bytes[i] != abi::emulate_prefix[i]) return false;
    if (bytes[prefix] != 0x0f || bytes[prefix + 1] != 0xa2) return false;
    if (!may_read_cpuid(vcpu)) { // the fault is that of the instruction behind the prefix
        r.rip += prefix;
        inject_exception(vcpu, r, x86::Exception::GeneralProtection);
        return true;
    }
    emulate_cpuid(vcpu, r);
    r.rip += sizeof(bytes);
    return true;
}

} // namespace px::pv
