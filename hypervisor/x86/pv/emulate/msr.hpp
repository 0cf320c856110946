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

} // namespace px::pv
