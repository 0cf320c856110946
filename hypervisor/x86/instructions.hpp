// SPDX-License-Identifier: Apache-2.0
// Machine instructions, one inline function each: the seam between C++ and the CPU (SDM volume 2, APM volume 3).
#pragma once

#include "base/number.hpp"
#include "x86/arch/control.hpp"
#include "x86/arch/cpuid_bits.hpp"
#include "x86/arch/debug.hpp"
#include "x86/arch/descriptor.hpp"
#include "x86/arch/flags.hpp"
#include "x86/arch/msr.hpp"
#include "x86/fixup.hpp"

namespace px::x86 {

// -- flags, halting, ordering --

inline void enable_interrupts() { asm volatile("sti" ::: "memory"); }
inline void disable_interrupts() { asm volatile("cli" ::: "memory"); }
[[nodiscard]] inline Rflags read_flags() {
    u64 flags;
    asm volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    return Rflags(flags);
}
[[nodiscard]] inline bool interrupts_enabled() { return read_flags().has(rflags::interrupts); }
/// Waits for an interrupt; the flag stays as it is.
inline void hlt() { asm volatile("hlt" ::: "memory"); }
/// NMIs may come again while one is being handled: IRET ends their blocking, also one that goes nowhere. Interrupts
/// off.
inline void unblock_nmis() {
    u64 ss, rsp;
    asm volatile("movq %%ss, %0\n"
                 "movq %%rsp, %1\n"
                 "pushq %0\n"
                 "pushq %1\n"
                 "pushfq\n"
                 "movq %%cs, %0\n"
                 "pushq %0\n"
                 "leaq 1f(%%rip), %0\n"
                 "pushq %0\n"
                 "iretq\n"
                 "1:\n"
                 : "=&r"(ss), "=&r"(rsp)::"memory", "cc");
}
/// Enables interrupts and waits; no interrupt is taken between the two.
inline void sti_hlt() { asm volatile("sti; hlt" ::: "memory"); }
inline void pause() { asm volatile("pause" ::: "memory"); }
inline void mfence() { asm volatile("mfence" ::: "memory"); }
inline void lfence() { asm volatile("lfence" ::: "memory"); }
inline void wbinvd() { asm volatile("wbinvd" ::: "memory"); }
inline void clflush(const volatile void* p) { asm volatile("clflush %0" ::"m"(*static_cast<const volatile char*>(p))); }
/// SMAP: opens and closes access to user pages. Only when CR4.SMAP is set.
inline void stac() { asm volatile("stac" ::: "memory"); }
inline void clac() { asm volatile("clac" ::: "memory"); }

// -- time stamp counter --

[[nodiscard]] inline u64 rdtsc() {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return u64{high} << 32 | low;
}
/// Not before earlier loads.
[[nodiscard]] inline u64 rdtsc_ordered() {
    u32 low, high;
    asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
    return u64{high} << 32 | low;
}

// -- CPUID --

[[nodiscard]] inline CpuidResult cpuid(u32 leaf, u32 subleaf = 0) {
    CpuidResult r;
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

/// One register of a leaf that the CPU has.
template <class Word> [[nodiscard]] inline Word cpuid_word() {
    return cpuid(Word::Identity::leaf, Word::Identity::subleaf).template get<Word>();
}

// -- model-specific registers --

[[nodiscard]] inline u64 rdmsr(Msr msr) {
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number_of(msr)));
    return u64{high} << 32 | low;
}
inline void wrmsr(Msr msr, u64 value) {
    asm volatile("wrmsr" ::"c"(number_of(msr)), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32))
                 : "memory");
}
/// False if there is no such register.
[[nodiscard]] inline bool rdmsr_safe(Msr msr, u64& value) {
    u32 low, high;
    asm goto("1: rdmsr" PX_FIXUP("1b", "%l[fault]") : "=a"(low), "=d"(high) : "c"(number_of(msr))::fault);
    value = u64{high} << 32 | low;
    return true;
fault:
    return false;
}
/// False if the register or the value was refused.
[[nodiscard]] inline bool wrmsr_safe(Msr msr, u64 value) {
    asm goto("1: wrmsr" PX_FIXUP("1b", "%l[fault]")::"c"(number_of(msr)), "a"(static_cast<u32>(value)),
             "d"(static_cast<u32>(value >> 32))
             : "memory"
             : fault);
    return true;
fault:
    return false;
}

// -- control and debug registers --

#define PX_REGISTER_ACCESS(name, Type, raw)                                                                            \
    [[nodiscard]] inline Type read_##name() {                                                                          \
        u64 value;                                                                                                     \
        asm volatile("movq %%" #name ", %0" : "=r"(value)::"memory");                                                  \
        return Type(value);                                                                                            \
    }                                                                                                                  \
    inline void write_##name(Type value) { asm volatile("movq %0, %%" #name ::"r"(raw) : "memory"); }
PX_REGISTER_ACCESS(cr0, Cr0, value.raw())
PX_REGISTER_ACCESS(cr2, u64, value)
PX_REGISTER_ACCESS(cr3, u64, value)
PX_REGISTER_ACCESS(cr4, Cr4, value.raw())
PX_REGISTER_ACCESS(cr8, u64, value)
PX_REGISTER_ACCESS(dr0, u64, value)
PX_REGISTER_ACCESS(dr1, u64, value)
PX_REGISTER_ACCESS(dr2, u64, value)
PX_REGISTER_ACCESS(dr3, u64, value)
PX_REGISTER_ACCESS(dr6, Dr6, value.raw())
PX_REGISTER_ACCESS(dr7, Dr7, value.raw())
#undef PX_REGISTER_ACCESS
inline void clts() { asm volatile("clts" ::: "memory"); }

// -- address translation --

inline void invlpg(u64 address) { asm volatile("invlpg (%0)" ::"r"(address) : "memory"); }

// -- descriptor tables and segments --

/// Operand of LGDT, LIDT, SGDT, SIDT.
struct [[gnu::packed]] DescriptorTablePointer {
    u16 limit;
    u64 base;
};
inline void lgdt(const DescriptorTablePointer& p) { asm volatile("lgdt %0" ::"m"(p) : "memory"); }
inline void lidt(const DescriptorTablePointer& p) { asm volatile("lidt %0" ::"m"(p) : "memory"); }
inline void lldt(Selector s) { asm volatile("lldt %0" ::"r"(s.raw()) : "memory"); }
inline void ltr(Selector s) { asm volatile("ltr %0" ::"r"(s.raw()) : "memory"); }

#define PX_SEGMENT_ACCESS(name)                                                                                        \
    [[nodiscard]] inline Selector read_##name() {                                                                      \
        u16 value;                                                                                                     \
        asm volatile("movw %%" #name ", %0" : "=rm"(value));                                                           \
        return Selector(value);                                                                                        \
    }                                                                                                                  \
    inline void write_##name(Selector s) { asm volatile("movw %0, %%" #name ::"rm"(s.raw()) : "memory"); }
PX_SEGMENT_ACCESS(ds)
PX_SEGMENT_ACCESS(es)
PX_SEGMENT_ACCESS(fs)
PX_SEGMENT_ACCESS(gs)
PX_SEGMENT_ACCESS(ss)
#undef PX_SEGMENT_ACCESS
inline void swapgs() { asm volatile("swapgs" ::: "memory"); }

// CR4.FSGSBASE must be set.
[[nodiscard]] inline u64 rdfsbase() {
    u64 value;
    asm volatile("rdfsbase %0" : "=r"(value));
    return value;
}
[[nodiscard]] inline u64 rdgsbase() {
    u64 value;
    asm volatile("rdgsbase %0" : "=r"(value));
    return value;
}
inline void wrfsbase(u64 value) { asm volatile("wrfsbase %0" ::"r"(value) : "memory"); }
inline void wrgsbase(u64 value) { asm volatile("wrgsbase %0" ::"r"(value) : "memory"); }

// -- ports --

[[nodiscard]] inline u8 in8(u16 port) {
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
[[nodiscard]] inline u16 in16(u16 port) {
    u16 value;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
[[nodiscard]] inline u32 in32(u16 port) {
    u32 value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
inline void out8(u16 port, u8 value) { asm volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory"); }
inline void out16(u16 port, u16 value) { asm volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory"); }
inline void out32(u16 port, u32 value) { asm volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory"); }

// -- floating point and extended state --

[[nodiscard]] inline u64 xgetbv(u32 index) {
    u32 low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
    return u64{high} << 32 | low;
}
inline void xsetbv(u32 index, u64 value) {
    asm volatile("xsetbv" ::"c"(index), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)) : "memory");
}
/// area: 64-byte aligned; mask: state components to save.
inline void xsave(void* area, u64 mask) {
    asm volatile("xsave64 (%0)" ::"r"(area), "a"(static_cast<u32>(mask)), "d"(static_cast<u32>(mask >> 32)) : "memory");
}
inline void xsaveopt(void* area, u64 mask) {
    asm volatile("xsaveopt64 (%0)" ::"r"(area), "a"(static_cast<u32>(mask)), "d"(static_cast<u32>(mask >> 32))
                 : "memory");
}
/// False if the area is malformed.
[[nodiscard]] inline bool xrstor(const void* area, u64 mask) {
    asm goto("1: xrstor64 (%0)" PX_FIXUP("1b", "%l[fault]")::"r"(area), "a"(static_cast<u32>(mask)),
             "d"(static_cast<u32>(mask >> 32))
             : "memory"
             : fault);
    return true;
fault:
    return false;
}
inline void fninit() { asm volatile("fninit"); }
inline void ldmxcsr(u32 value) { asm volatile("ldmxcsr %0" ::"m"(value)); }
inline void fxsave(void* area) { asm volatile("fxsave64 (%0)" ::"r"(area) : "memory"); }
/// False if the area is malformed.
[[nodiscard]] inline bool fxrstor(const void* area) {
    asm goto("1: fxrstor64 (%0)" PX_FIXUP("1b", "%l[fault]")::"r"(area) : "memory" : fault);
    return true;
fault:
    return false;
}

} // namespace px::x86
