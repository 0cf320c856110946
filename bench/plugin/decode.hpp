// SPDX-License-Identifier: Apache-2.0
// Which of the instructions that cost far more on a processor than in an emulator an instruction is, from its bytes.
// Encodings: Intel SDM volume 2, appendix A (opcode map); AMD APM volume 3, appendix A, and chapter 4 for the SVM
// instructions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

/// What is counted. The names in `event_names` are those of the figures; both change together.
enum class Event : uint8_t {
    MovCr3,
    MovCr3Kept, ///< bit 63 of the source set: nothing is flushed (known where registers can be read)
    MovCr,      ///< to another control register, CLTS and LMSW included
    MovDr,
    Invlpg, ///< INVLPGA too
    Invpcid,
    WrmsrBase, ///< FS, GS or kernel GS base
    Wrmsr,
    Rdmsr,
    WrBase, ///< WRFSBASE, WRGSBASE
    Swapgs,
    LoadSegment, ///< MOV to a segment register, LLDT, LTR
    Iret,
    Sysret, ///< SYSEXIT too
    Syscall,
    Int, ///< INT n, INT3
    Cpuid,
    Rdtsc,
    Vmrun, ///< VMLAUNCH and VMRESUME too
    Vmload,
    Vmsave,
    Vmmcall, ///< VMCALL too
    Gif,     ///< STGI, CLGI
    Hlt,
    Pause,
    Lock, ///< a LOCK prefix, or XCHG with memory, which needs none
    Fence,
    Verw,
    Io,
    Xsave, ///< any form, FXSAVE too
    Xrstor,
    Wbinvd,
    Count_,
    None = Count_
};

inline constexpr size_t event_count = static_cast<size_t>(Event::Count_);

inline constexpr const char* event_names[event_count] = {
    "mov-cr3", "mov-cr3-kept", "mov-cr", "mov-dr",  "invlpg", "invpcid", "wrmsr-base", "wrmsr",
    "rdmsr",   "wr-base",      "swapgs", "segment", "iret",   "sysret",  "syscall",    "int",
    "cpuid",   "rdtsc",        "vmrun",  "vmload",  "vmsave", "vmmcall", "gif",        "hlt",
    "pause",   "lock",         "fence",  "verw",    "io",     "xsave",   "xrstor",     "wbinvd",
};

/// What marks a measured stretch in a program: NOP with a displacement that no compiler makes, bytes 0F 1F 80 KIND 'P'
/// 'X' 'N'.
enum class Mark : uint8_t {
    None,
    Begin, ///< of a stretch
    End,
    Set, ///< after all stretches of one measurement
    Row  ///< after all measurements of one row
};

struct Decoded {
    Event event = Event::None;
    Mark mark = Mark::None;
    uint8_t source = 0; ///< MOV to a control register: the number of the general register
};

/// Decodes one instruction of 64-bit code. Bytes that end before it does, and what is none of the events, are
/// Event::None. `msr` is what ECX is known to hold, or 0: a WRMSR is told by it.
Decoded decode(const uint8_t* bytes, size_t size, uint32_t msr = 0);

/// The constant that a MOV loads into ECX (B9 imm32), or 0: what usually stands before a WRMSR of one register.
uint32_t constant_in_ecx(const uint8_t* bytes, size_t size);

} // namespace bench
