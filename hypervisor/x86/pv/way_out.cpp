// SPDX-License-Identifier: Apache-2.0
// The way to a paravirtual guest: what is delivered on it, and what becomes of an entry that fails (x86/way_out.hpp).
#include "x86/way_out.hpp"

#include "base/panic.hpp"
#include "x86/layout.hpp"
#include "x86/pv/bounce.hpp"
#include "x86/pv/trap.hpp"

namespace px::pv {

namespace {

// entry.S, xpti/entry.S
extern "C" const char px_way_out_start[], px_way_out_end[], px_guest_iret[];
extern "C" const char px_xpti_way_out_start[], px_xpti_way_out_end[], px_xpti_iret[];
extern "C" [[noreturn]] void px_return_to_guest();

bool is_in(u64 rip, const char* start, const char* end) {
    return rip >= reinterpret_cast<u64>(start) && rip < reinterpret_cast<u64>(end);
}

/// Asynchronous deliveries, in order of urgency. True if one was made (or failed).
bool deliver_pending(PvVcpu& vcpu, x86::Registers& r) {
    if (vcpu.failsafe_pending) [[unlikely]] {
        vcpu.failsafe_pending = false;
        bounce<FrameKind::Failsafe>(vcpu, r, vcpu.failsafe_callback);
        return true;
    }
    if (vcpu.pending_nmi.load(std::memory_order_relaxed) && !vcpu.nmi_masked) [[unlikely]] {
        vcpu.pending_nmi.store(false, std::memory_order_relaxed);
        if (!vcpu.nmi_callback.is_set()) return true;
        vcpu.nmi_masked = true;
        bounce<FrameKind::Plain>(vcpu, r, vcpu.nmi_callback.address, true);
        return true;
    }
    if (vcpu.events_need_delivery()) {
        bounce<FrameKind::Plain>(vcpu, r, vcpu.event_callback.address, true);
        return true;
    }
    return false;
}

/// True if SYSRET loads exactly this state. A non-canonical rip would fault in ring 0 on Intel (CVE-2012-0217 class).
bool can_use_sysret(const x86::Registers& r) {
    constexpr auto odd_flags = rflags::trap | rflags::resume | rflags::virtual_8086;
    if ((r.entry_vector != x86::entry_syscall && r.entry_vector != x86::entry_sysret) || r.rflags.has_any(odd_flags) ||
        r.ss != x86::selector::guest_data.raw())
        return false;
    if (r.cs == x86::selector::guest_code64.raw()) return is_canonical(r.rip);
    return r.cs == x86::selector::guest_code32.raw() && r.rip >> 32 == 0;
}

/// The guest's registers as they were before the way out: IRETQ leaves the general ones, which the nested frame has
/// saved, and its own frame as they are. The nested frame lies where the guest's registers belong.
void put_guest_registers_back(const x86::Registers& nested) {
    x86::Registers& guest = x86::guest_registers();
    x86::Registers r = nested;
    const u64* const frame = reinterpret_cast<const u64*>(nested.rsp);
    PX_ASSERT(frame == &guest.rip);
    r.error_code = 0;
    r.entry_vector = 0; // whole state: by IRET
    r.rip = frame[0];
    r.cs = frame[1];
    r.rflags = x86::Rflags(frame[2]);
    r.rsp = frame[3];
    r.ss = frame[4];
    guest = r;
}

/// The guest's failsafe callback gets the state that could not be entered.
void refuse_state(PvVcpu& vcpu, x86::Registers& r) {
    vcpu.segments.ds = x86::read_ds();
    vcpu.segments.es = x86::read_es();
    vcpu.segments.fs = x86::read_fs();
    vcpu.segments.gs = x86::read_gs();
    vcpu.failsafe_pending = false;
    bounce<FrameKind::Failsafe>(vcpu, r, vcpu.failsafe_callback);
}

} // namespace

bool is_on_way_out(const x86::Registers& r) {
    return is_in(r.rip, px_way_out_start, px_way_out_end) || is_in(r.rip, px_xpti_way_out_start, px_xpti_way_out_end);
}

void entry_failed(const x86::Registers& nested) {
    const Vaddr address(x86::read_cr2());
    const bool is_page_fault = is_exception(nested, x86::Exception::PageFault);
    const x86::PageFaultCode code{nested.error_code};
    if (nested.rip != reinterpret_cast<u64>(px_guest_iret) && nested.rip != reinterpret_cast<u64>(px_xpti_iret))
        panic("fault {} on the way to a guest, at {:#x}", nested.entry_vector, nested.rip);
    put_guest_registers_back(nested); // from here on the nested frame is gone
    PvVcpu& vcpu = current_pv();
    x86::enable_interrupts();
    if (!is_page_fault || !resolve_descriptor_fault(vcpu, address, code)) refuse_state(vcpu, x86::guest_registers());
    px_return_to_guest();
}

/// The last look before a guest runs. Interrupts are off. True: leave by SYSRET, false: by IRET.
extern "C" bool px_leave(x86::Registers& r) {
    x86::way_out::look_last([&r] { return deliver_pending(current_pv(), r); });
    return can_use_sysret(r);
}

PvVcpu::Continuation PvVcpu::continuation() const { return &px_return_to_guest; }

} // namespace px::pv
