// SPDX-License-Identifier: Apache-2.0
// Switching CPUID faulting on.
#include "x86/machine/cpu/cpuid_faulting.hpp"

#include "base/log.hpp"
#include "base/percpu.hpp"
#include "x86/instructions.hpp"

namespace px::x86::cpuid_faulting {
namespace {

Control control = Control::None; ///< of the boot CPU; constant once that has come up
bool is_detected = false;

void detect() {
    u64 value = 0;
    const bool has_value = cpu_features.vendor != Vendor::Amd && rdmsr_safe(Msr::PlatformInfo, value);
    const bool has_leaf = cpu_features.max_extended_leaf >= Extended21A::Identity::leaf;
    const Extended21A leaf_21 = has_leaf ? cpuid_word<Extended21A>() : Extended21A{};
    control = control_of(cpu_features.vendor, has_value ? std::optional(value) : std::nullopt, leaf_21);
    is_detected = true;
}

} // namespace

void init_cpu() {
    if (!is_detected) detect();
    const auto change = switch_of(control);
    if (!change) return;
    u64 value = 0;
    if (rdmsr_safe(change->msr, value) && wrmsr_safe(change->msr, value | change->bit)) return;
    // Guests are told of it by the boot CPU's word: a CPU that cannot only lets their programs see more.
    log::warning("CPU {} does not take CPUID faulting", this_cpu());
}

bool is_on() { return control != Control::None; }

} // namespace px::x86::cpuid_faulting
