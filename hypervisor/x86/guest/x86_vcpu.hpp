// SPDX-License-Identifier: Apache-2.0
// A vCPU on x86: the state that vCPUs of every kind have while they do not run. Guest kinds derive from it.
#pragma once

#include "domain/vcpu.hpp"
#include "x86/guest/debug_register.hpp"
#include "x86/guest/x86_domain.hpp"
#include "x86/registers.hpp"

namespace px::guest {

/// What a Vcpu has on x86. While it is not current its general registers are in `registers`, else at the top of the
/// stack.
class X86Vcpu : public Vcpu {
  public:
    ~X86Vcpu() override;

    [[nodiscard]] X86Domain& x86_domain() const { return static_cast<X86Domain&>(domain); }

    x86::Registers registers{};
    DebugRegisters debug;
    void* xsave_area = nullptr; ///< 64-byte aligned, standard format, for all components the host has (fpu.hpp)
    u64 xcr0 = 1;
    u32 tsc_aux = 0;           ///< what RDTSCP and RDPID tell
    bool cpuid_faults = false; ///< the kernel wants #GP for its user mode's CPUID (MSR 0x140)

    // -- the guest kind's part --
    /// Current vCPU: extended state from the CPU, and back. In between others may use the registers.
    virtual void save_extended_state() = 0;
    virtual void load_extended_state() = 0;

  protected:
    X86Vcpu(X86Domain& owner, VcpuId number) : Vcpu(owner, number) {}
};

/// vCPU of a domain by number, null when there is none.
[[nodiscard]] inline X86Vcpu* vcpu_of(const X86Domain& domain, u32 number) {
    return static_cast<X86Vcpu*>(domain.vcpu(VcpuId(number)));
}

/// The current vCPU; only in code that runs on behalf of a guest: on x86 all guests' vCPUs are X86Vcpus.
inline X86Vcpu& current_x86() { return static_cast<X86Vcpu&>(current()); }

} // namespace px::guest
