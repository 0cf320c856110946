// SPDX-License-Identifier: Apache-2.0
// domctl: what only paravirtual x86 domains have.
#include "x86/pv/domctl.hpp"

#include "domain/guest_pointer.hpp"
#include "domain/machine.hpp"
#include "x86/pv/hypercall_page.hpp"
#include "x86/pv/paging/types.hpp"
#include "x86/pv/port.hpp"

namespace px::pv {

namespace {

/// hypercall_init: the tools' way to give an older kernel its page of stubs.
Result<> init_hypercall_page(PvDomain& domain, u64 frame_number) {
    const Mfn mfn(frame_number);
    if (!is_valid(mfn) || !acquire_writable(frame_of(mfn), domain)) return fail(Error::Access);
    fill_hypercall_page(to_virtual(mfn));
    release_writable(frame_of(mfn));
    return {};
}

Result<> set_time_stamp_mode(PvDomain& domain, const abi::DomctlTscInfo& info) {
    if (&domain == &current_domain()) return fail(Error::Invalid);
    if (info.tsc_mode > abi::tsc_mode_never_emulate) return fail(Error::Invalid);
    domain.tsc_mode = info.tsc_mode;
    return {};
}

/// The counter is the host's, whatever the mode.
void get_time_stamp_mode(const PvDomain& domain, abi::DomctlTscInfo& info) {
    info = {.tsc_mode = domain.tsc_mode,
            .gtsc_khz = static_cast<u32>(machine::cycles_khz()),
            .elapsed_nsec = static_cast<u64>(machine::now())};
}

/// PFINFO type of a frame, in the top nibble.
u64 frame_information(const PvDomain& domain, u64 frame_number) {
    const Mfn mfn(frame_number);
    if (!is_valid(mfn) || !acquire_frame(frame_of(mfn), domain)) return abi::pfinfo_xtab;
    const FrameState state = frame_of(mfn).load();
    u64 information = abi::pfinfo_notab;
    if (state.type_count() != 0 && state.has(FrameState::validated)) {
        information = u64{table_level(state.type())} << abi::pfinfo_ltab_shift;
        if (state.has(FrameState::pinned)) information |= abi::pfinfo_lpintab;
    }
    release_frame(frame_of(mfn));
    return information;
}

Result<> get_frame_information(const PvDomain& domain, const abi::DomctlGetPageFrameInfo3& op) {
    constexpr u64 most = 1024;
    if (op.num > most) return fail(Error::TooBig);
    const GuestPointer<abi::xen_pfn_t> array(op.array);
    for (u64 i = 0; i < op.num; ++i) {
        const u64 frame = TRY(array.read(i));
        TRY(array.write(frame_information(domain, frame), i));
    }
    return {};
}

} // namespace

namespace domctl_command {

Result<PvVcpu*> vcpu_of(PvDomain& domain, u32 number) {
    if (&domain == &current_domain()) return fail(Error::Invalid);
    Vcpu* const vcpu = domain.vcpu(VcpuId(number));
    if (!vcpu) return fail(Error::Invalid);
    return static_cast<PvVcpu*>(vcpu);
}

} // namespace domctl_command

Result<> PvDomain::arch_domctl(abi::Domctl& op, GuestVaddr, bool& copy_back) {
    namespace cmd = domctl_command;
    using abi::DomctlCommand;
    const auto answer = [&copy_back](const Result<>& result) {
        copy_back = true;
        return result;
    };
    switch (static_cast<DomctlCommand>(op.cmd)) {
    case DomctlCommand::SetAddressSize: return op.u.address_size.size == 64 ? Result<>{} : fail(Error::Invalid);
    case DomctlCommand::GetAddressSize: op.u.address_size.size = 64; return answer({});
    case DomctlCommand::HypercallInit: return init_hypercall_page(*this, op.u.hypercall_init.gmfn);
    case DomctlCommand::SetTscInfo: return set_time_stamp_mode(*this, op.u.tsc_info);
    case DomctlCommand::GetTscInfo: get_time_stamp_mode(*this, op.u.tsc_info); return answer({});
    case DomctlCommand::GetPageFrameInfo3: return get_frame_information(*this, op.u.getpageframeinfo3);
    case DomctlCommand::IoportPermission: {
        const auto& p = op.u.ioport_permission;
        return set_port_permission(*this, p.first_port, p.nr_ports, p.allow_access != 0);
    }
    case DomctlCommand::GetCpuPolicy: return answer(cmd::get_policy(*this, op.u.cpu_policy));
    case DomctlCommand::SetCpuPolicy: return answer(cmd::set_policy(*this, op.u.cpu_policy));
    case DomctlCommand::SetExtVcpuContext: return cmd::set_extended_context(*this, op.u.ext_vcpucontext);
    case DomctlCommand::GetExtVcpuContext: return answer(cmd::get_extended_context(*this, op.u.ext_vcpucontext));
    case DomctlCommand::SetVcpuExtState: return cmd::set_extended_state(*this, op.u.vcpuextstate);
    case DomctlCommand::GetVcpuExtState: return answer(cmd::get_extended_state(*this, op.u.vcpuextstate));
    case DomctlCommand::SetVcpuMsrs: return cmd::set_msrs(*this, op.u.vcpu_msrs);
    case DomctlCommand::GetVcpuMsrs: return answer(cmd::get_msrs(*this, op.u.vcpu_msrs));
    // Only hardware-assisted domains have these.
    case DomctlCommand::GetHvmContext: case DomctlCommand::SetHvmContext: case DomctlCommand::GetHvmContextPartial:
        return fail(Error::Invalid);
    case DomctlCommand::SetPagingMempoolSize: case DomctlCommand::GetPagingMempoolSize: return fail(Error::NotSupported);
    default: return fail(Error::NoSys);
    }
}

} // namespace px::pv
