// SPDX-License-Identifier: Apache-2.0
// Per-CPU data, found from the stack pointer: no segment register is spent on it.
#pragma once

#include "base/bitmap.hpp"

namespace px {

class Vcpu;

/// Size and alignment of a CPU's stack block. Its low pages are the IST stacks, its top is a CpuInfo.
inline constexpr u64 cpu_stack_size = 65536;

/// What every CPU keeps at the very top of its stack block; the guest's saved registers lie right below it.
struct alignas(16) CpuInfo {
    Vcpu* current = nullptr;     ///< vCPU whose state is on this CPU
    u64 percpu_offset = 0;       ///< distance from a PerCpu object to this CPU's copy
    u32 cpu = 0;                 ///< CpuId
    u32 preempt_depth = 0;       ///< hypercall code that may not be preempted (debug)
    u64 hypervisor_cr3 = 0;      ///< while a guest runs whose page tables are isolated: what an entry loads (pv/xpti)
    u64 guest_cr3 = 0;           ///< what is loaded then; 0: the guest's own table
    u64* syscall_slot = nullptr; ///< where this CPU's SYSCALL stub keeps the guest's rsp
    u64 reserved[2] = {};
};
static_assert(sizeof(CpuInfo) == 64);

#ifdef PROXENOS_HYPERVISOR
/// This CPU's block. Valid on any stack of this CPU, interrupt stacks included.
inline CpuInfo& cpu_info() {
    u64 top;
    asm("movq %%rsp, %0" : "=r"(top));
    top |= cpu_stack_size - 1;
    return *reinterpret_cast<CpuInfo*>(top + 1 - sizeof(CpuInfo));
}
inline CpuId this_cpu() { return CpuId(cpu_info().cpu); }
/// percpu offsets of all CPUs (x86/machine/cpu/cpu.cpp).
extern u64 percpu_offsets[max_cpus];

/// A T for each CPU. Define objects as `PX_PER_CPU PerCpu<T> name;`. T starts as all zero bytes on every CPU; what
/// needs more is constructed by its subsystem's per-CPU start function.
template <class T> class PerCpu {
  public:
    [[nodiscard]] T& here() { return at(cpu_info().percpu_offset); }
    [[nodiscard]] T& on(CpuId cpu) { return at(percpu_offsets[cpu.raw()]); }

  private:
    T& at(u64 offset) { return *reinterpret_cast<T*>(reinterpret_cast<char*>(&storage_) + offset); }
    alignas(T) char storage_[sizeof(T)] = {};
};
#define PX_PER_CPU [[gnu::section(".bss.percpu")]] constinit
#else
/// Host tests choose which CPU they are.
inline thread_local u32 fake_cpu = 0;
inline CpuId this_cpu() { return CpuId(fake_cpu); }
template <class T> class PerCpu {
  public:
    [[nodiscard]] T& here() { return reinterpret_cast<T*>(storage_)[fake_cpu]; }
    [[nodiscard]] T& on(CpuId cpu) { return reinterpret_cast<T*>(storage_)[cpu.raw()]; }

  private:
    alignas(T) char storage_[sizeof(T) * 16] = {};
};
#define PX_PER_CPU constinit
#endif

} // namespace px
