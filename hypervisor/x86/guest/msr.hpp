// SPDX-License-Identifier: Apache-2.0
// Model-specific registers that vCPUs of every kind have alike.
#pragma once

#include "x86/guest/x86_vcpu.hpp"

namespace px::guest {

/// True if the guest's CPUs have TSC_AUX.
[[nodiscard]] bool has_tsc_aux(const X86Vcpu& vcpu);
/// Gives a vCPU its TSC_AUX; in the CPU at once if it is the current one. False: the value has more than 32 bits.
bool set_tsc_aux(X86Vcpu& vcpu, u64 value);

/// Gives a vCPU its MISC_FEATURES_ENABLES. False: a bit that its policy does not offer.
bool set_misc_features(X86Vcpu& vcpu, u64 value);

} // namespace px::guest
