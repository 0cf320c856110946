// SPDX-License-Identifier: Apache-2.0
// What the host's CPUs can do (of the boot CPU; all are taken to be alike).
#pragma once

#include "base/number.hpp"

#include <string_view>

namespace px::x86 {

enum class Vendor : u8 { Other, Intel, Amd };

/// Filled once by detect_cpu_features; constant afterwards.
struct CpuFeatures {
    Vendor vendor = Vendor::Other;
    u32 family = 0, model = 0, stepping = 0;
    u32 physical_address_bits = 36;
    u32 cache_line_bytes = 16; ///< what CLFLUSH flushes, or less
    u32 max_leaf = 0, max_extended_leaf = 0;
    char vendor_name[13] = {};
    char brand[49] = {};
    bool nx = false, gib_pages = false, pge = false, pat = false, mtrr = false;
    bool fsgsbase = false, smep = false, smap = false, umip = false, pku = false, pcid = false, invpcid = false;
    bool xsave = false, xsaveopt = false, xsavec = false, xsaves = false;
    bool x2apic = false, tsc_deadline = false, invariant_tsc = false, rdtscp = false, rdpid = false, hypervisor = false;
    bool mwait = false, arat = false, svm = false, vmx = false;
    bool is_tcg = false; ///< QEMU's emulator: some features are better left alone
    u64 xcr0 = 0;        ///< state components that are switched for guests (0: FXSAVE only)
    /// Guests can read TSC_AUX.
    [[nodiscard]] bool has_tsc_aux() const { return rdtscp || rdpid; }
    u32 xsave_bytes = 512; ///< size of the standard-format area for all of xcr0
};
extern CpuFeatures cpu_features;

void detect_cpu_features();

} // namespace px::x86
