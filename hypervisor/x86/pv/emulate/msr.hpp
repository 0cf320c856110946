// SPDX-License-Identifier: Apache-2.0
// Model-specific registers of paravirtual guests: a short list; all others raise #GP.
#pragma once

#include "x86/arch/msr.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// RDMSR by the current vCPU's kernel. False: #GP.
bool read_msr(PvVcpu& vcpu, x86::Msr msr, u64& value);
/// WRMSR by the current vCPU's kernel. False: #GP.
bool write_msr(PvVcpu& vcpu, x86::Msr msr, u64 value);
/// True if the guest's CPUs have TSC_AUX.
[[nodiscard]] bool has_tsc_aux(const PvVcpu& vcpu);
/// Gives a vCPU its TSC_AUX; in the CPU at once if it is the current one. False: the value has more than 32 bits.
bool set_tsc_aux(PvVcpu& vcpu, u64 value);

/// Gives a vCPU its MISC_FEATURES_ENABLES. False: a bit that its policy does not offer.
bool set_misc_features(PvVcpu& vcpu, u64 value);

} // namespace px::pv
