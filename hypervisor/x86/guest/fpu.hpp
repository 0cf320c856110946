// SPDX-License-Identifier: Apache-2.0
// Floating point and extended state: switched eagerly, always whole.
#pragma once

#include "base/result.hpp"
#include "x86/guest/x86_vcpu.hpp"

namespace px::guest {

/// State components of the host (XCR0 bits) that guests may enable, and the size of a standard-format area for all of
/// them. 0 components: no XSAVE, FXSAVE is used. Set by init_fpu, constant afterwards.
struct FpuLayout {
    u64 components = 0;
    u32 bytes = 512;
};
extern FpuLayout fpu_layout;

/// Boot CPU: takes what the machine has enabled in XCR0.
void init_fpu();

/// True if a guest may load this into XCR0 on a host with `host` components (SDM volume 1, 13.3).
constexpr bool is_valid_xcr0(u64 value, u64 host) {
    constexpr u64 x87 = 1, sse = 2, avx = 4, mpx = 0x18, avx512 = 0xe0;
    if (!(value & x87) || (value & ~host)) return false;
    if ((value & avx) && !(value & sse)) return false;
    if ((value & mpx) && (value & mpx) != mpx) return false;
    if ((value & avx512) && ((value & avx512) != avx512 || !(value & avx))) return false;
    return true;
}

/// True if FXRSTOR and XRSTOR leave the last x87 instruction's opcode and pointers as they are while no exception is
/// pending, so that the next vCPU would find those of the last one (AMD before Zen 2; APM volume 2, 11.4.4.3).
constexpr bool restore_keeps_pointers(bool is_amd, x86::Extended8B features) {
    return is_amd && !features.has(x86::extended_8b::restores_pointers);
}

/// Allocates the vCPU's area with the reset state. Errors: NoMemory.
Result<> make_fpu(X86Vcpu& vcpu);
void free_fpu(X86Vcpu& vcpu);
/// Area back to the reset state.
void reset_fpu(X86Vcpu& vcpu);
/// Current vCPU: CPU to area, area to CPU. CR0.TS is clear, and is so afterwards.
void save_fpu(X86Vcpu& vcpu);
void load_fpu(X86Vcpu& vcpu);
/// XSETBV by the current vCPU. False: bad value.
bool set_xcr0(X86Vcpu& vcpu, u64 value);
/// Replaces the legacy part (512 bytes, FXSAVE format), reserved MXCSR bits cleared; the rest is reset.
void set_legacy_fpu(X86Vcpu& vcpu, const void* fxsave_image);
/// Copies the legacy part out.
void get_legacy_fpu(const X86Vcpu& vcpu, void* fxsave_image);

} // namespace px::guest
