// SPDX-License-Identifier: Apache-2.0
// Extended state and MSRs of vCPUs, for savers and restorers.
#include "memory/heap.hpp"
#include "x86/arch/msr.hpp"
#include "x86/guest/domctl/domctl.hpp"
#include "x86/guest/fpu.hpp"
#include "x86/guest/msr.hpp"
#include "x86/machine/cpu/cpuid_faulting.hpp"

namespace px::guest::domctl {
namespace {

/// Before the XSAVE area come XCR0 as it is and as it ever was.
struct ExtStateHeader {
    u64 xcr0, xcr0_accumulated;
};

/// TSC_AUX is the only MSR with a value of the vCPU's own.
constexpr u32 most_vcpu_msrs = 2;

/// What XRSTOR would refuse is the tools' mistake, not a reason for the hypervisor to fault (SDM volume 1, 13.8).
void make_loadable(u8* area) {
    constexpr std::size_t at_mxcsr = 24, at_header = 512, header_words = 8;
    u64 header[header_words] = {}; // but for the first word, which components there are: the standard format
    __builtin_memcpy(header, area + at_header, sizeof(header[0]));
    header[0] &= fpu_layout.components;
    __builtin_memcpy(area + at_header, header, sizeof(header));
    u32 mxcsr;
    __builtin_memcpy(&mxcsr, area + at_mxcsr, sizeof(mxcsr));
    mxcsr &= 0xffff;
    __builtin_memcpy(area + at_mxcsr, &mxcsr, sizeof(mxcsr));
}

} // namespace

Result<> get_ext_state(X86Domain& domain, abi::DomctlVcpuExtState& op) {
    X86Vcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    const u64 bytes = fpu_layout.components ? sizeof(ExtStateHeader) + fpu_layout.bytes : 0;
    const bool only_size = op.size == 0 && op.xfeature_mask == 0;
    if (!only_size && (op.size != bytes || op.xfeature_mask != fpu_layout.components)) return fail(Error::Invalid);
    op.size = bytes;
    op.xfeature_mask = fpu_layout.components;
    if (only_size || bytes == 0) return {};
    const Paused paused(vcpu);
    TRY(GuestPointer<ExtStateHeader>(op.buffer.address).write({vcpu.xcr0, vcpu.xcr0}));
    return GuestPointer<u8>(op.buffer.address + sizeof(ExtStateHeader))
        .write_array(static_cast<const u8*>(vcpu.xsave_area), fpu_layout.bytes);
}

Result<> set_ext_state(X86Domain& domain, const abi::DomctlVcpuExtState& op) {
    X86Vcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    if (op.size == 0) return {};
    if (op.size < sizeof(ExtStateHeader) + 576 || op.size > sizeof(ExtStateHeader) + fpu_layout.bytes)
        return fail(Error::Invalid);
    if (op.xfeature_mask & ~fpu_layout.components) return fail(Error::Invalid);
    const auto header = TRY(GuestPointer<ExtStateHeader>(op.buffer.address).read());
    if (!is_valid_xcr0(header.xcr0, fpu_layout.components)) return fail(Error::Invalid);
    // Whole before anything changes: a call that fails leaves the vCPU the state that it had.
    auto* const area = static_cast<u8*>(heap::allocate_bytes(fpu_layout.bytes));
    if (!area) return fail(Error::NoMemory);
    const Result<> read =
        GuestPointer<u8>(op.buffer.address + sizeof(header)).read_array(area, op.size - sizeof(header));
    if (read) {
        make_loadable(area);
        const Paused paused(vcpu);
        __builtin_memcpy(vcpu.xsave_area, area, fpu_layout.bytes);
        vcpu.xcr0 = header.xcr0;
    }
    heap::free_bytes(area);
    return read;
}

Result<> get_msrs(X86Domain& domain, abi::DomctlVcpuMsrs& op) {
    X86Vcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    const GuestPointer<abi::DomctlVcpuMsr> msrs(op.msrs.address);
    if (msrs.is_null()) {
        op.msr_count = most_vcpu_msrs;
        return {};
    }
    const Paused paused(vcpu);
    const abi::DomctlVcpuMsr all[most_vcpu_msrs] = {
        {number_of(x86::Msr::MiscFeatures), 0, vcpu.cpuid_faults ? x86::cpuid_faulting::misc_faulting : 0},
        {number_of(x86::Msr::TscAux), 0, vcpu.tsc_aux}};
    u32 count = 0;
    for (const auto& msr : all) {
        if (msr.value == 0) continue; // left out
        if (count >= op.msr_count) return fail(Error::NoBuffers);
        TRY(msrs.write(msr, count++));
    }
    op.msr_count = count;
    return {};
}

namespace {
bool set_one_msr(X86Vcpu& vcpu, const abi::DomctlVcpuMsr& msr) {
    switch (static_cast<x86::Msr>(msr.index)) {
    case x86::Msr::MiscFeatures: return set_misc_features(vcpu, msr.value);
    case x86::Msr::TscAux: return has_tsc_aux(vcpu) && set_tsc_aux(vcpu, msr.value);
    default: return false;
    }
}
} // namespace

Result<> set_msrs(X86Domain& domain, abi::DomctlVcpuMsrs& op) {
    X86Vcpu& vcpu = *TRY(named_vcpu(domain, op.vcpu));
    if (op.msr_count > most_vcpu_msrs) return fail(Error::Invalid);
    const GuestPointer<abi::DomctlVcpuMsr> msrs(op.msrs.address);
    const Paused paused(vcpu);
    for (u32 i = 0; i < op.msr_count; ++i) {
        const abi::DomctlVcpuMsr msr = TRY(msrs.read(i));
        if (msr.reserved != 0 || !set_one_msr(vcpu, msr)) return fail(Error::Invalid);
    }
    return {};
}

} // namespace px::guest::domctl
