// SPDX-License-Identifier: Apache-2.0
// Model-specific registers by name (SDM volume 4, chapter 2; APM volume 2, appendix A).
#pragma once

#include "base/number.hpp"

namespace px::x86 {

enum class Msr : u32 {
    Tsc = 0x10,
    PlatformId = 0x17,
    ApicBase = 0x1b,
    SpecCtrl = 0x48,
    PredCmd = 0x49,
    Microcode = 0x8b, ///< revision that is loaded
    PlatformInfo = 0xce,
    MtrrCap = 0xfe,
    ArchCapabilities = 0x10a,
    MiscFeatures = 0x140,
    SysenterCs = 0x174,
    SysenterEsp = 0x175,
    SysenterEip = 0x176,
    McgCap = 0x179,
    McgStatus = 0x17a,
    McgCtl = 0x17b,
    MiscEnable = 0x1a0,
    EnergyPerfBias = 0x1b0,
    MtrrBase = 0x200, ///< first of the variable ranges: base and mask in turns
    MtrrFix64K = 0x250,
    MtrrFix16K = 0x258, ///< two
    MtrrFix4K = 0x268,  ///< eight
    Pat = 0x277,
    McCtl2 = 0x280, ///< one for each bank
    MtrrDefault = 0x2ff,
    PerfCapabilities = 0x345,
    McCtl = 0x400, ///< first of four for each bank: control, status, address, the rest
    TscDeadline = 0x6e0,
    X2Apic = 0x800, ///< one for each 16 bytes of the local APIC's page
    Efer = 0xc0000080,
    Star = 0xc0000081,
    LStar = 0xc0000082,
    CStar = 0xc0000083,
    SyscallMask = 0xc0000084,
    FsBase = 0xc0000100,
    GsBase = 0xc0000101,
    KernelGsBase = 0xc0000102,
    TscAux = 0xc0000103,
    // AMD's
    PerfControl = 0xc0010000, ///< four controls, then four counters
    SysCfg = 0xc0010010,
    Hwcr = 0xc0010015,
    IorrBase = 0xc0010016, ///< two ranges, base and mask each
    TopMem = 0xc001001a,
    TopMem2 = 0xc001001d,
    NbCfg = 0xc001001f,
    MmioConfBase = 0xc0010058,
    PStateLimit = 0xc0010061,
    PStateLast = 0xc001006b,
    TSegBase = 0xc0010112,
    TSegMask = 0xc0010113,
    PerfControl15h = 0xc0010200, ///< six, control and counter in turns
    DeCfg = 0xc0011029,
};

/// As instructions and interfaces take it.
constexpr u32 number_of(Msr msr) { return static_cast<u32>(msr); }
/// Of registers that follow one another.
constexpr Msr operator+(Msr first, u32 n) { return static_cast<Msr>(number_of(first) + n); }
constexpr bool is_in(Msr msr, Msr first, Msr last) { return msr >= first && msr <= last; }

} // namespace px::x86
