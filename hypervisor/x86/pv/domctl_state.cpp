// SPDX-License-Identifier: Apache-2.0
// domctl: a vCPU's state beyond vcpu_guest_context: 32-bit callbacks, extended state, MSRs.
#include "domain/guest_pointer.hpp"
#include "x86/pv/domctl.hpp"
#include "x86/pv/fpu.hpp"
#include "x86/pv/guest_copy.hpp"

#include <cstring>

namespace px::pv::domctl_command {

namespace {

/// Bytes of the 32-bit callbacks' part; the rest is about machine checks.
constexpr u32 callbacks_end = offsetof(abi::DomctlExtVcpuContext, mcg_cap);
/// In front of the area: xcr0 and xcr0_accum.
constexpr u64 state_header = 2 * sizeof(u64);

class Paused {
  public:
    explicit Paused(Vcpu& vcpu) : vcpu_(vcpu) { vcpu_.pause(); }
    ~Paused() { vcpu_.unpause(); }
    Paused(const Paused&) = delete;
    Paused& operator=(const Paused&) = delete;

  private:
    Vcpu& vcpu_;
};

} // namespace

Result<> set_extended_context(PvDomain& domain, const abi::DomctlExtVcpuContext& op) {
    if (op.size < callbacks_end) return fail(Error::Invalid);
    if (!is_canonical(op.syscall32_callback_eip) || !is_canonical(op.sysenter_callback_eip)) return fail(Error::Invalid);
    PvVcpu& vcpu = *TRY(vcpu_of(domain, op.vcpu));
    const Paused paused(vcpu);
    vcpu.syscall32_callback = {op.syscall32_callback_eip, op.syscall32_disables_events != 0};
    vcpu.sysenter_callback = {op.sysenter_callback_eip, op.sysenter_disables_events != 0};
    vcpu.syscall32_cs = op.syscall32_callback_cs;
    vcpu.sysenter_cs = op.sysenter_callback_cs;
    return {};
}

Result<> get_extended_context(PvDomain& domain, abi::DomctlExtVcpuContext& op) {
    const PvVcpu& vcpu = *TRY(vcpu_of(domain, op.vcpu));
    op.size = sizeof(op);
    op.syscall32_callback_eip = vcpu.syscall32_callback.address;
    op.sysenter_callback_eip = vcpu.sysenter_callback.address;
    op.syscall32_callback_cs = vcpu.syscall32_cs;
    op.sysenter_callback_cs = vcpu.sysenter_cs;
    op.syscall32_disables_events = vcpu.syscall32_callback.masks_events;
    op.sysenter_disables_events = vcpu.sysenter_callback.masks_events;
    op.vmce = {};
    return {};
}

Result<> get_extended_state(PvDomain& domain, abi::DomctlVcpuExtState& op) {
    PvVcpu& vcpu = *TRY(vcpu_of(domain, op.vcpu));
    const u64 components = fpu_layout.components;
    const u64 size = components ? state_header + fpu_layout.bytes : 0;
    if (op.size == 0 && op.xfeature_mask == 0) {
        op.xfeature_mask = components;
        op.size = size;
        return {};
    }
    if (op.size != size || op.xfeature_mask != components) return fail(Error::Invalid);
    const Paused paused(vcpu);
    const u64 header[2] = {vcpu.xcr0, components};
    TRY(GuestPointer<u64>(op.buffer).write_array(header, 2));
    const GuestPointer<u8> area(op.buffer.address + state_header);
    return area.write_array(static_cast<const u8*>(vcpu.xsave_area), fpu_layout.bytes);
}

Result<> set_extended_state(PvDomain& domain, const abi::DomctlVcpuExtState& op) {
    PvVcpu& vcpu = *TRY(vcpu_of(domain, op.vcpu));
    const u64 components = fpu_layout.components;
    if (op.size < state_header || op.size > state_header + fpu_layout.bytes) return fail(Error::Invalid);
    u64 header[2];
    TRY(GuestPointer<u64>(op.buffer).read_array(header, 2));
    if (!is_valid_xcr0(header[0], components) || (header[1] & ~components)) return fail(Error::Invalid);
    const Paused paused(vcpu);
    reset_fpu(vcpu);
    const u64 bytes = op.size - state_header;
    const GuestPointer<u8> area(op.buffer.address + state_header);
    // What is malformed in it shows when it is loaded: then the state is reset.
    TRY(area.read_array(static_cast<u8*>(vcpu.xsave_area), bytes));
    vcpu.xcr0 = header[0];
    return {};
}

/// No MSR of a paravirtual vCPU needs saving beside what its context has.
Result<> get_msrs(PvDomain& domain, abi::DomctlVcpuMsrs& op) {
    (void)TRY(vcpu_of(domain, op.vcpu));
    op.msr_count = 0;
    return {};
}

Result<> set_msrs(PvDomain& domain, const abi::DomctlVcpuMsrs& op) {
    (void)TRY(vcpu_of(domain, op.vcpu));
    return op.msr_count == 0 ? Result<>{} : fail(Error::Invalid);
}

} // namespace px::pv::domctl_command
