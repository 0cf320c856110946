// SPDX-License-Identifier: Apache-2.0
// Dispatch of exceptions from paravirtual guests: emulate, or bounce to the guest's trap table.
#include "x86/pv/trap.hpp"

#include "base/log.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/pv/bounce.hpp"

namespace px::pv {

namespace {

namespace page_fault = x86::page_fault;
using x86::Exception;
using x86::PageFaultCode;

/// `int n` by the guest: all gates but those of #BP and #OF have DPL 0, so it arrives as #GP with the IDT bit in the
/// error code. The vector is taken from the instruction: some emulators report it scaled wrongly.
bool software_interrupt(PvVcpu& vcpu, x86::Registers& r) {
    u8 code[2];
    if (copy_from_active(code, GuestVaddr(r.rip), sizeof(code)) != 0 || code[0] != 0xcd) return false;
    const abi::TrapInfo trap = vcpu.traps[code[1]];
    const unsigned dpl = trap.flags & abi::trap_info_dpl_mask;
    if (trap.address == 0 || (vcpu.in_kernel_mode ? dpl < 1 : dpl < 3)) return false;
    r.rip += 2;
    bounce<FrameKind::Plain>(vcpu, r, GuestVaddr(trap.address), (trap.flags & abi::trap_info_mask_events) != 0);
    return true;
}

void general_protection(PvVcpu& vcpu, x86::Registers& r) {
    using namespace x86::selector_code;
    const x86::SelectorCode code{r.error_code};
    if ((code & (external | idt)) == idt) {
        if (software_interrupt(vcpu, r)) return;
    } else if (r.error_code == 0 && emulate_privileged(vcpu, r)) {
        return;
    }
    inject_exception(vcpu, r, Exception::GeneralProtection, r.error_code);
}

/// True if the address is in the LDT part of the vCPUs' descriptor areas.
constexpr bool is_descriptor_area(Vaddr address) {
    constexpr Vaddr start(x86::layout::per_domain_start);
    return address >= start && address < start + max_vcpus_per_domain * x86::layout::vcpu_descriptor_bytes;
}

void page_fault_of_guest(PvVcpu& vcpu, x86::Registers& r, GuestVaddr address) {
    const PageFaultCode code{r.error_code};
    if (resolve_descriptor_fault(vcpu, Vaddr(address.raw()), code)) return;
    constexpr auto write_to_present = page_fault::present | page_fault::write | page_fault::user;
    if (vcpu.in_kernel_mode && (code & (write_to_present | page_fault::reserved)) == write_to_present &&
        is_guest_range(address, 1) && emulate_page_table_write(vcpu, r, address, code))
        return;
    inject_page_fault(vcpu, r, address, code);
}

void debug_exception(PvVcpu& vcpu, x86::Registers& r) {
    const x86::Dr6 status = x86::read_dr6();
    x86::write_dr6(x86::dr6::nothing);
    vcpu.debug.dr6 = vcpu.debug.dr6.without(x86::dr6::breakpoints) | (status & x86::dr6::sticky);
    inject_exception(vcpu, r, Exception::Debug);
}

} // namespace

void crash_current(PvVcpu& vcpu, const char* why) {
    // The domain's lock is held over calls to other CPUs, this one too: not to be waited for with interrupts off.
    const bool were_off = !x86::interrupts_enabled();
    if (were_off) x86::enable_interrupts();
    vcpu.domain.crash(why);
    if (were_off) x86::disable_interrupts();
}

void bounce_failed(PvVcpu& vcpu, x86::Registers& r, GuestVaddr address) {
    log::guest("d{}v{} cannot be called at {:#x}: rip {:#x}, rsp {:#x}, kernel stack {:#x}", vcpu.domain.id, vcpu.id,
               address, r.rip, r.rsp, vcpu.kernel_sp);
    crash_current(vcpu, "no handler, or no stack for its frame");
}

void inject_exception(PvVcpu& vcpu, x86::Registers& r, Exception exception, u32 error_code) {
    const auto number = static_cast<unsigned>(exception);
    const abi::TrapInfo& trap = vcpu.traps[number];
    if (trap.address == 0) [[unlikely]]
        log::guest("d{}v{} has no handler for exception {}, error code {:#x}", vcpu.domain.id, vcpu.id, number,
                   error_code);
    const GuestVaddr handler(trap.address);
    const bool masks_events = (trap.flags & abi::trap_info_mask_events) != 0;
    if (has_error_code(exception)) bounce<FrameKind::ErrorCode>(vcpu, r, handler, masks_events, error_code);
    else bounce<FrameKind::Plain>(vcpu, r, handler, masks_events);
}

void inject_page_fault(PvVcpu& vcpu, x86::Registers& r, GuestVaddr address, PageFaultCode code) {
    vcpu.info->arch.cr2 = address.raw();
    code = code.without(page_fault::user); // the guest kernel's own accesses look like ring 0's
    if (!vcpu.in_kernel_mode) code |= page_fault::user;
    inject_exception(vcpu, r, Exception::PageFault, code.raw());
}

void handle_guest_exception(x86::Registers& r) {
    PvVcpu& vcpu = current_pv();
    const auto exception = static_cast<Exception>(r.entry_vector);
    if (exception == Exception::PageFault) {
        const GuestVaddr address(x86::read_cr2());
        x86::enable_interrupts();
        page_fault_of_guest(vcpu, r, address);
        return;
    }
    x86::enable_interrupts();
    switch (exception) {
    case Exception::GeneralProtection: general_protection(vcpu, r); return;
    case Exception::Debug: debug_exception(vcpu, r); return;
    case Exception::InvalidOpcode:
        if (!emulate_forced(vcpu, r)) inject_exception(vcpu, r, exception);
        return;
    case Exception::NoFpu:
        vcpu.control.task_switched = false;
        x86::clts();
        inject_exception(vcpu, r, exception);
        return;
    default: inject_exception(vcpu, r, exception, r.error_code); return;
    }
}

bool resolve_descriptor_fault(PvVcpu& vcpu, Vaddr address, PageFaultCode code) {
    // A segment load is a supervisor access, also when ring 3 makes it.
    return !code.has_any(page_fault::user | page_fault::reserved | page_fault::present) &&
           is_descriptor_area(address) && map_descriptor_page(vcpu, address);
}

bool handle_hypervisor_fault(x86::Registers& r) {
    if (!is_exception(r, Exception::PageFault)) return false;
    PvVcpu* const vcpu = as_pv(current());
    return vcpu && resolve_descriptor_fault(*vcpu, Vaddr(x86::read_cr2()), PageFaultCode(r.error_code));
}

} // namespace px::pv
