// SPDX-License-Identifier: Apache-2.0
// What a micro guest has: hypercalls, memory, traps, output, and checks whose verdicts are compared between
// hypervisors.
#pragma once

#include "abi/errno.hpp"
#include "abi/event_channel.hpp"
#include "abi/grant_table.hpp"
#include "abi/hypercall.hpp"
#include "abi/memory.hpp"
#include "abi/pv.hpp"
#include "abi/sched.hpp"
#include "abi/shared_info.hpp"
#include "abi/vcpu.hpp"
#include "abi/version.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>

extern "C" {
long hypercall6(long number, long a, long b, long c, long d, long e, long f);
void* memset(void* to, int value, size_t bytes);
void* memcpy(void* to, const void* from, size_t bytes);
int guarded_call(void (*function)(void*), void* argument);
void enter_user(uint64_t rip, uint64_t rsp, uint64_t argument);
[[noreturn]] void leave_user();
extern char syscall_entry[], event_entry[], failsafe_entry[], kernel_stack_top[], secondary_start[],
    secondary_stack_top[];
}

namespace micro {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using s64 = int64_t;

inline constexpr u64 virt_base = 0xffffffff80000000;
inline constexpr u64 page_bytes = 4096;

// -- hypercalls --

template <class T> long argument(T value) {
    if constexpr (__is_pointer(T)) return reinterpret_cast<long>(value);
    else return static_cast<long>(value);
}
template <class... A> long call(abi::Hypercall number, A... a) {
    long list[6] = {argument(a)...};
    return hypercall6(static_cast<long>(number), list[0], list[1], list[2], list[3], list[4], list[5]);
}
template <> inline long call<>(abi::Hypercall number) {
    return hypercall6(static_cast<long>(number), 0, 0, 0, 0, 0, 0);
}
inline long error(abi::Errno e) { return -static_cast<long>(e); }

// -- what the guest was given --

extern abi::StartInfo* start_info;
extern abi::SharedInfo* shared_info; ///< mapped at start
/// A zeroed page of the guest's own; there are some hundred. Stays taken until the case ends.
void* new_page();
inline u64 pfn_of(const void* p) { return (reinterpret_cast<u64>(p) - virt_base) / page_bytes; }
inline u64* p2m() { return reinterpret_cast<u64*>(start_info->mfn_list); }
inline u64 mfn_of(const void* p) { return p2m()[pfn_of(p)]; }
inline const u64* m2p() { return reinterpret_cast<const u64*>(abi::mach2phys_virt_start); }
inline void* va_of_mfn(u64 mfn) { return reinterpret_cast<void*>(virt_base + m2p()[mfn] * page_bytes); }

// -- page tables --

inline constexpr u64 present = 1, writable = 2, user = 4, accessed = 0x20, dirty = 0x40, no_execute = u64{1} << 63;
inline constexpr u64 kernel_rw = present | writable | user | accessed | dirty;
inline constexpr u64 kernel_ro = present | user | accessed;
inline constexpr u64 frame_mask = 0x000ffffffffff000;
/// The table of `level` (4 to 1) that translates an address now; null when an upper entry is not present.
u64* table_for(u64 address, int level);
inline unsigned index_at(u64 address, int level) { return address >> (12 + 9 * (level - 1)) & 511; }
inline u64* entry_for(u64 address, int level = 1) {
    u64* table = table_for(address, level);
    return table ? &table[index_at(address, level)] : nullptr;
}
/// Machine address of an entry, for mmu_update.
inline u64 machine_address(const void* p) { return mfn_of(p) * page_bytes + (reinterpret_cast<u64>(p) & 0xfff); }
long update_va(const void* address, u64 entry, u64 flags = abi::uvmf_invlpg);
/// One mmu_update of an entry at a virtual address.
long mmu_update(const void* entry, u64 value, u64 command = 0);
long mmuext(abi::MmuextCommand command, u64 mfn_or_address = 0, u64 arg2 = 0);
/// Maps one of the guest's pages read-only or writable at its own address.
long set_access(void* page, bool write);

// -- traps --

struct Frame {
    u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    u64 vector, error_code, rip, cs, rflags, rsp, ss;
};
struct Trap {
    u64 vector = ~u64{0}, error_code = 0, rip = 0, cr2 = 0;
};
/// The last trap inside a guarded call.
extern Trap last_trap;
/// Runs f; true when a trap ended it.
template <class F> bool traps(F f) {
    return guarded_call([](void* p) { (*static_cast<F*>(p))(); }, &f) != 0;
}
/// Called for traps outside guarded calls, for events (0x200) and for SYSCALL from user mode (0x202). Null: fatal.
extern void (*trap_hook)(Frame&);

inline abi::VcpuInfo& vcpu_info(unsigned n = 0) { return shared_info->vcpu_info[n]; }
inline u64 rdtsc() {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return u64{high} << 32 | low;
}
/// System time in nanoseconds, by vCPU 0's time information.
u64 system_time();

// -- output and verdicts --

/// To the console, which gets it when its line is whole.
void print(const char* text);
void print_number(s64 value, bool hexadecimal = false);
[[noreturn]] void shut_down(u32 reason);

/// A micro guest: one promise of the ABI.
struct Case {
    const char* name;
    void (*run)();
    bool in_all; ///< part of "all": leaves the guest usable
};
void check(bool ok, const char* expression, const char* file, int line);
/// Something the hypervisor answered: printed, and compared between hypervisors.
void observe(const char* what, s64 value);

} // namespace micro

#define CHECK(expression) ::micro::check((expression), #expression, __FILE__, __LINE__)
/// The two must be equal; prints the first when they are not.
#define CHECK_IS(value, wanted)                                                                                        \
    do {                                                                                                               \
        const long micro_value = static_cast<long>(value), micro_wanted = static_cast<long>(wanted);                   \
        if (micro_value != micro_wanted) ::micro::observe("got", micro_value);                                         \
        ::micro::check(micro_value == micro_wanted, #value " is " #wanted, __FILE__, __LINE__);                        \
    } while (0)
#define MICRO_CASE_WITH(identifier, all)                                                                               \
    static void micro_##identifier();                                                                                  \
    [[gnu::section(".cases"), gnu::used]] static const ::micro::Case micro_case_##identifier = {                       \
        #identifier, micro_##identifier, all};                                                                         \
    static void micro_##identifier()
/// A promise that is checked in one run with the others.
#define MICRO_CASE(identifier) MICRO_CASE_WITH(identifier, true)
/// One that ends its guest: run by name only.
#define MICRO_CASE_ALONE(identifier) MICRO_CASE_WITH(identifier, false)
