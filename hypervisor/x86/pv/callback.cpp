// SPDX-License-Identifier: Apache-2.0
// Hypercalls by which a paravirtual kernel says where it wants to be called: traps, callbacks, stack, segment bases.
#include "domain/guest_pointer.hpp"
#include "x86/instructions.hpp"
#include "x86/pv/context.hpp"
#include "x86/pv/guest_copy.hpp"
#include "x86/pv/hypercall_rows.hpp"

#include <cstring>

namespace px::pv {

Callback* callback_of(PvVcpu& vcpu, u16 type) {
    switch (static_cast<abi::CallbackType>(type)) {
    case abi::CallbackType::Event: return &vcpu.event_callback;
    case abi::CallbackType::Failsafe: return &vcpu.failsafe_callback;
    case abi::CallbackType::Syscall: return &vcpu.syscall_callback;
    case abi::CallbackType::SysenterDeprecated:
    case abi::CallbackType::Sysenter: return &vcpu.sysenter_callback;
    case abi::CallbackType::Syscall32: return &vcpu.syscall32_callback;
    case abi::CallbackType::Nmi: return &vcpu.nmi_callback;
    default: return nullptr;
    }
}

namespace {

Result<> register_callback(PvVcpu& vcpu, const abi::CallbackRegister& request) {
    if (!is_canonical(request.address)) return fail(Error::Invalid);
    Callback* const callback = callback_of(vcpu, request.type);
    if (!callback) return fail(Error::NoSys);
    const auto type = static_cast<abi::CallbackType>(request.type);
    callback->address = GuestVaddr(request.address);
    // Event upcalls and NMIs come with events masked in any case.
    if (type != abi::CallbackType::Event && type != abi::CallbackType::Nmi)
        callback->masks_events = (request.flags & abi::callbackf_mask_events) != 0;
    return {};
}

Result<> set_segment_base(PvVcpu& vcpu, abi::SegmentBase which, u64 value) {
    switch (which) {
    case abi::SegmentBase::Fs:
        if (!is_canonical(value)) return fail(Error::Invalid);
        x86::wrfsbase(value);
        return {};
    case abi::SegmentBase::GsUser:
        if (!is_canonical(value)) return fail(Error::Invalid);
        write_inactive_gs_base(value);
        return {};
    case abi::SegmentBase::GsKernel:
        if (!is_canonical(value)) return fail(Error::Invalid);
        x86::wrgsbase(value);
        return {};
    case abi::SegmentBase::GsUserSel: {
        const x86::Selector selector(static_cast<u16>(value));
        // Loaded where the user's base is active; a bad selector becomes the null one. The base comes from bits 16 up
        // in no case: the descriptor gives it.
        const IrqOff off;
        x86::swapgs();
        if (!load_gs(selector)) (void)load_gs({});
        x86::swapgs();
        vcpu.segments.gs = selector;
        return {};
    }
    default: return fail(Error::Invalid);
    }
}

} // namespace
} // namespace px::pv

namespace px::hypercall {

Outcome set_trap_table(Call& call) {
    pv::PvVcpu& vcpu = pv::current_pv();
    if (call.args[0] == 0) { // a null table clears all
        std::memset(vcpu.traps, 0, 256 * sizeof(abi::TrapInfo));
        return Outcome::of(0);
    }
    for (;;) {
        const auto entry = GuestPointer<abi::TrapInfo>(call.args[0]).read();
        if (!entry) return Outcome::error(entry.error());
        if (entry->address == 0) return Outcome::of(0);
        if (!pv::is_canonical(entry->address)) return Outcome::error(Error::Invalid);
        vcpu.traps[entry->vector] = *entry;
        call.args[0] += sizeof(abi::TrapInfo);
        if (should_preempt()) return Outcome::restart();
    }
}

Outcome stack_switch(Call& call) {
    pv::PvVcpu& vcpu = pv::current_pv();
    const GuestVaddr stack(call.args[1]);
    if (!pv::is_canonical(stack)) return Outcome::error(Error::Invalid);
    vcpu.kernel_ss = x86::selector::in_ring3(call.args[0]);
    vcpu.kernel_sp = stack;
    return Outcome::of(0);
}

Outcome set_callbacks(Call& call) {
    pv::PvVcpu& vcpu = pv::current_pv();
    // This oldest form of the call knows no errors: an address that is none changes nothing, as in Xen.
    pv::Callback* const callbacks[] = {&vcpu.event_callback, &vcpu.failsafe_callback, &vcpu.syscall_callback};
    for (u32 i = 0; i < 3; ++i)
        if (const GuestVaddr address(call.args[i]); pv::is_canonical(address)) callbacks[i]->address = address;
    return Outcome::of(0);
}

Outcome callback_op(Call& call) {
    pv::PvVcpu& vcpu = pv::current_pv();
    switch (static_cast<abi::CallbackOp>(call.args[0])) {
    case abi::CallbackOp::Register: {
        const auto request = GuestPointer<abi::CallbackRegister>(call.args[1]).read();
        return request ? Outcome::of(pv::register_callback(vcpu, *request)) : Outcome::error(request.error());
    }
    case abi::CallbackOp::Unregister: {
        const auto request = GuestPointer<abi::CallbackUnregister>(call.args[1]).read();
        if (!request) return Outcome::error(request.error());
        switch (static_cast<abi::CallbackType>(request->type)) {
        case abi::CallbackType::Event:
        case abi::CallbackType::Failsafe:
        case abi::CallbackType::Syscall:
        case abi::CallbackType::SysenterDeprecated:
        case abi::CallbackType::Sysenter: return Outcome::error(Error::Invalid); // can be changed, not taken back
        case abi::CallbackType::Nmi: vcpu.nmi_callback = {}; return Outcome::of(0);
        default: return Outcome::error(Error::NoSys);
        }
    }
    default: return Outcome::error(Error::NoSys);
    }
}

Outcome nmi_op(Call& call) {
    constexpr u64 register_command = 0, unregister_command = 1;
    pv::PvVcpu& vcpu = pv::current_pv();
    if (call.args[0] == unregister_command) {
        vcpu.nmi_callback = {};
        return Outcome::of(0);
    }
    if (call.args[0] != register_command) return Outcome::error(Error::NoSys);
    const auto request = GuestPointer<abi::NmiCallback>(call.args[1]).read();
    if (!request) return Outcome::error(request.error());
    const GuestVaddr handler(request->handler_address);
    if (!pv::is_canonical(handler)) return Outcome::error(Error::Invalid);
    vcpu.nmi_callback.address = handler;
    return Outcome::of(0);
}

Outcome set_segment_base(Call& call) {
    return Outcome::of(
        pv::set_segment_base(pv::current_pv(), static_cast<abi::SegmentBase>(call.args[0]), call.args[1]));
}

} // namespace px::hypercall
