// SPDX-License-Identifier: Apache-2.0
// The way to a guest whose code selector is in an LDT page that the hypervisor maps only when the selector is loaded:
// what happens meanwhile is not forgotten.
#include "lib/race.hpp"
#include "lib/random.hpp"
#include "lib/user.hpp"

using namespace micro;
using abi::Hypercall;

asm(R"(
    .pushsection .text
    .globl way_spin, way_spin_end, way_read, way_read_end
way_spin: # without RDTSC, which traps where the hypervisor emulates it
    mov $300000000, %ecx
1:  dec %ecx
    jnz 1b
    mov $0x401000, %ebx
    movl $1, (%rbx) # seconds later: nobody has come
    int $0x80
way_spin_end:
way_read: # waits for word 2 of the data page, reads what word 3 points to into word 4
    mov $0x401000, %ebx
    mov $400000000, %ecx
1:  dec %ecx
    jz 2f
    cmpq $0, 0x10(%rbx)
    je 1b
    mov 0x18(%rbx), %rcx
    mov (%rcx), %rax
    mov %rax, 0x20(%rbx)
2:  int $0x80
way_read_end:
    .popsection
)");
extern "C" const u8 way_spin[], way_spin_end[], way_read[], way_read_end[];

namespace {

constexpr u64 table_flags = present | writable | user | accessed;
constexpr u64 flat_code64 = 0x00affb000000ffff;
constexpr u64 ldt_code_selector = 2 << 3 | 7;
constexpr u64 nanoseconds_per_ms = 1'000'000;

Random numbers;
u64* ldt;
u64 ended_by;

void make_ldt() {
    ldt = static_cast<u64*>(new_page());
    ldt[2] = flat_code64;
}

/// User mode by a code selector of the LDT, until it traps or an event comes.
void enter_by_ldt() {
    trap_hook = [](Frame& frame) {
        ended_by = frame.vector;
        leave_user();
    };
    ended_by = 0;
    enter_user_by(UserSpace::code_address, UserSpace::stack_address, ldt_code_selector, abi::flat_ring3_ss64);
    vcpu_info().evtchn_upcall_mask = 1;
}

long set_ldt(u64 entries) {
    return mmuext(abi::MmuextCommand::SetLdt, entries ? reinterpret_cast<u64>(ldt) : 0, entries);
}

/// An unmasked port of the timer's, without periodic ticks.
u32 bind_timer() {
    abi::EvtchnBindVirq bind{static_cast<u32>(abi::Virq::Timer), 0, 0};
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::BindVirq, &bind), 0);
    shared_info->evtchn_mask[bind.port / 64] &= ~(u64{1} << (bind.port % 64));
    call(Hypercall::VcpuOp, abi::VcpuOp::StopPeriodicTimer, 0, 0);
    return bind.port;
}

void forget_events(u32 port) {
    vcpu_info().evtchn_upcall_mask = 1;
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(u64{1} << (port % 64)), __ATOMIC_SEQ_CST);
    vcpu_info().evtchn_pending_sel = 0;
    vcpu_info().evtchn_upcall_pending = 0;
}

// What keeps the lock of the domain's tables busy: an L2 table whose one entry goes to one L1 table and the other.
u64 *busy_table, *busy[2];

void make_busy_tables() {
    busy_table = static_cast<u64*>(new_page());
    void* target = new_page();
    for (auto*& t : busy) {
        t = static_cast<u64*>(new_page());
        for (unsigned i = 0; i < 512; ++i) t[i] = mfn_of(target) * page_bytes | kernel_ro | no_execute;
        CHECK_IS(set_access(t, false), 0);
    }
    CHECK_IS(set_access(busy_table, false), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::PinL2Table, mfn_of(busy_table)), 0);
}

void keep_lock_busy() {
    static abi::MmuUpdate batch[16];
    for (unsigned i = 0; i < 16; ++i)
        batch[i] = {machine_address(&busy_table[0]), mfn_of(busy[i % 2]) * page_bytes | table_flags};
    while (!second_ends) call(Hypercall::MmuUpdate, batch, 16, 0, abi::domid_self);
}

} // namespace

/// A timer that is due while the way to user mode waits for the lock of the tables (held by the other vCPU, as the LDT
/// page has to be mapped) gives its event in time. It was forgotten in six of sixteen attempts, and the vCPU then kept
/// its CPU for as long as it liked.
MICRO_CASE(timers_on_the_way_to_user_mode_are_not_lost) {
    make_ldt();
    const UserSpace space(way_spin, static_cast<unsigned>(way_spin_end - way_spin));
    CHECK_IS(set_access(ldt, false), 0);
    make_busy_tables();
    const u32 port = bind_timer();
    second_ends = false;
    const bool has_second = start_second(keep_lock_busy);
    unsigned lost = 0, attempts = 0;
    const u64 end = system_time() + 2000 * nanoseconds_per_ms;
    while (has_second && lost == 0 && (system_time() < end || attempts < 2)) {
        ++attempts;
        forget_events(port);
        CHECK_IS(set_ldt(512), 0); // its pages are mapped at the next use
        abi::VcpuSetSingleshotTimer op{system_time() + numbers.below(2 * nanoseconds_per_ms), 0};
        CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::SetSingleshotTimer, 0, &op), 0);
        space.stack()[0] = 0;
        enter_by_ldt();
        if (space.stack()[0] != 0) ++lost;
    }
    second_ends = true;
    CHECK(second_is_down());
    CHECK_IS(lost, 0);
    CHECK(!has_second || attempts > 1);
    forget_events(port);
    abi::EvtchnClose close{port};
    CHECK_IS(call(Hypercall::EventChannelOp, abi::EventChannelOp::Close, &close), 0);
    CHECK_IS(set_ldt(0), 0);
    CHECK_IS(mmuext(abi::MmuextCommand::UnpinTable, mfn_of(busy_table)), 0);
}

namespace {

constexpr unsigned slot = 5; // of user mode's L4 table
constexpr u64 secret_value = 0x5ec2e7;
u64 *top, *x3, *x2, *x1, *forged, *secret, *filler, *data;
volatile unsigned go, done;

void make_tables_to_remove() {
    for (u64** page : {&x3, &x2, &x1, &forged, &secret, &filler}) *page = static_cast<u64*>(new_page());
    secret[0] = secret_value;
    x2[0] = mfn_of(x1) * page_bytes | table_flags;
    x3[0] = mfn_of(x2) * page_bytes | table_flags;
    for (u64* t : {x1, x2, x3, secret}) CHECK_IS(set_access(t, false), 0);
}

/// Whenever it is told to: takes the slot's table out of use, in one call with what makes the way of vCPU 0 wait; then
/// fills it with what leads to `secret`, which user mode does not map.
void remove_tables() {
    static abi::MmuUpdate batch[16];
    unsigned round = 0;
    for (;;) {
        while (go == round)
            if (second_ends) return;
        round = go;
        // The LDT's page becomes read-only, so that mapping it as one means a flush: of vCPU 0's CPU too.
        batch[0] = {machine_address(entry_for(reinterpret_cast<u64>(ldt))),
                    mfn_of(ldt) * page_bytes | kernel_ro | no_execute};
        for (unsigned i = 1; i < 15; ++i)
            batch[i] = {machine_address(entry_for(reinterpret_cast<u64>(filler))),
                        mfn_of(i % 2 ? secret : filler) * page_bytes | kernel_ro | no_execute};
        batch[15] = {machine_address(&top[slot]), 0};
        if (call(Hypercall::MmuUpdate, batch, 16, 0, abi::domid_self) == 0 && set_access(x3, true) == 0) {
            // The table was dropped, and is a page like any other.
            x3[0] = mfn_of(forged) * page_bytes | table_flags;
            const u64 target = mfn_of(secret) * page_bytes;
            forged[0] = (target & ~u64{0x1fffff}) | table_flags | 0x80; // 2 MiB of any memory
            data[3] = (u64{slot} << 39) + (target & 0x1fffff);
        }
        __atomic_store_n(&data[2], 1, __ATOMIC_SEQ_CST);
        done = round;
    }
}

} // namespace

/// User mode that is on its way, by an LDT page that has to be mapped first, does not use an L4 entry that another vCPU
/// has taken away. With isolated page tables the CPU went on with its copy of it, in the first round of each of three
/// runs, and read any memory by what the guest wrote into the former table.
MICRO_CASE(removed_tables_are_not_walked_on_the_way_to_user_mode) {
    make_ldt();
    make_tables_to_remove();
    const UserSpace space(way_read, static_cast<unsigned>(way_read_end - way_read));
    top = space.top();
    data = space.stack();
    CHECK_IS(mmu_update(&top[slot], mfn_of(x3) * page_bytes | table_flags), 0);
    go = 0;
    done = 0;
    second_ends = false;
    const bool has_second = start_second(remove_tables);
    unsigned round = 0, walked = 0, faults = 0;
    const u64 start = system_time();
    // On a busy host the vCPUs may not meet for long: until they have, once.
    const auto goes_on = [&] {
        const u64 passed = (system_time() - start) / nanoseconds_per_ms;
        return passed < 2000 || (faults == 0 && passed < 40'000);
    };
    while (has_second && walked == 0 && goes_on()) {
        ++round;
        data[2] = data[3] = data[4] = 0;
        CHECK_IS(set_ldt(0), 0);
        CHECK_IS(set_access(ldt, true), 0);
        CHECK_IS(set_ldt(512), 0);
        go = round;
        for (u64 i = numbers.below(3000); i != 0; --i) asm volatile("");
        enter_by_ldt();
        if (ended_by == 14) ++faults;
        if (ended_by == 0x80 && data[4] == secret_value) ++walked;
        while (done != round) {}
        x3[0] = mfn_of(x2) * page_bytes | table_flags;
        CHECK_IS(set_access(x3, false), 0);
        CHECK_IS(mmu_update(&top[slot], mfn_of(x3) * page_bytes | table_flags), 0);
    }
    second_ends = true;
    CHECK(second_is_down());
    CHECK_IS(walked, 0);
    CHECK(!has_second || faults != 0); // it did try
    CHECK_IS(set_ldt(0), 0);
}
