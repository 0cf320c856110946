// SPDX-License-Identifier: Apache-2.0
// Whose time stamp counter a domain reads (settscinfo), and TSC_AUX beside it.
#include "abi/cpuid.hpp"
#include "lib/domains.hpp"
#include "lib/second.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {

struct Leaf {
    u32 a, b, c, d;
};
/// CPUID as the hypervisor answers it.
Leaf cpuid(u32 leaf, u32 subleaf = 0) {
    Leaf r{leaf, 0, subleaf, 0};
    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid" : "+a"(r.a), "+b"(r.b), "+c"(r.c), "+d"(r.d));
    return r;
}
bool has_rdtscp() { return (cpuid(0x80000001).d >> 27 & 1) != 0; }

void write_tsc_aux(u64 value) {
    asm volatile("wrmsr" ::"c"(0xc0000103), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)));
}
u32 read_tsc_aux() {
    u32 aux;
    asm volatile("rdtscp" : "=c"(aux)::"eax", "edx");
    return aux;
}

long set_tsc(u16 domain, u32 mode, u64 elapsed, u32 khz) {
    static abi::Domctl op;
    op.u.tsc_info = {};
    op.u.tsc_info.tsc_mode = mode;
    op.u.tsc_info.elapsed_nsec = elapsed;
    op.u.tsc_info.gtsc_khz = khz;
    op.u.tsc_info.incarnation = 7;
    return domctl(abi::DomctlCommand::SetTscInfo, domain, op);
}

/// The guest's clock and the hypervisor's (the sum of a run state), in nanoseconds.
struct Moment {
    u64 guest, hypervisor;
};

/// Both clocks at once: of many looks the one that was least disturbed.
Moment moment() {
    static abi::VcpuRunstateInfo info;
    Moment best{};
    u64 shortest = ~u64{0};
    for (unsigned i = 0; i < 100; ++i) {
        const u64 start = system_time();
        CHECK_IS(call(Hypercall::VcpuOp, abi::VcpuOp::GetRunstateInfo, 0, &info), 0);
        const u64 took = system_time() - start;
        if (took >= shortest) continue;
        shortest = took;
        best = {start + took / 2, info.time[0] + info.time[1] + info.time[2] + info.time[3]};
    }
    return best;
}

/// What this guest, started with one mode, sees.
void check_counter(bool emulated) {
    const Leaf first = cpuid(abi::cpuid_first_leaf + 3);
    CHECK_IS(first.a & abi::cpuid_tsc_emulated, emulated ? abi::cpuid_tsc_emulated : 0);
    CHECK_IS(first.b, emulated ? abi::tsc_mode_always_emulate : abi::tsc_mode_never_emulate);
    CHECK(first.c > 1000);
    // An emulated counter begins with the domain; here that was within the last minutes.
    if (emulated) CHECK(rdtsc() / first.c < 600 * 1000);
    u64 last = rdtsc();
    for (unsigned i = 0; i < 1000; ++i) {
        const u64 now = rdtsc();
        CHECK(now >= last);
        last = now;
    }
    // The hypervisor's clock and the one that is made of the counter go alike, whatever ends a wait before its time.
    const Moment before = moment();
    for (unsigned i = 0; i < 5; ++i) {
        abi::SchedPoll op{};
        op.timeout = system_time() + 20'000'000;
        while (system_time() < op.timeout) CHECK_IS(call(Hypercall::SchedOp, abi::SchedOp::Poll, &op), 0);
        CHECK(system_time() < op.timeout + 5'000'000'000);
    }
    const Moment after = moment();
    const s64 drift = static_cast<s64>((after.guest - before.guest) - (after.hypervisor - before.hypervisor));
    CHECK(drift < 1'000'000 && drift > -1'000'000);
}

} // namespace

// Run as domU with tsc_mode of that name (tests/system/test_time_stamp.py).
MICRO_CASE_ALONE(time_stamp_always_emulate) { check_counter(true); }
MICRO_CASE_ALONE(time_stamp_native) { check_counter(false); }

/// As dom0: makes a domain, and tells and asks about its counter.
MICRO_CASE(tsc_info_of_a_domain) {
    static abi::Domctl op;
    CHECK_IS(create_domain(5), 0);
    CHECK_IS(set_tsc(5, abi::tsc_mode_always_emulate, 5'000'000'000, 1234567), 0);
    CHECK_IS(domctl(abi::DomctlCommand::GetTscInfo, 5, op), 0);
    CHECK_IS(op.u.tsc_info.tsc_mode, abi::tsc_mode_always_emulate);
    CHECK_IS(op.u.tsc_info.gtsc_khz, 1234567);
    CHECK_IS(op.u.tsc_info.incarnation, 8);
    CHECK(op.u.tsc_info.elapsed_nsec >= 5'000'000'000 && op.u.tsc_info.elapsed_nsec < 60'000'000'000);
    CHECK_IS(set_tsc(5, abi::tsc_mode_never_emulate, 5'000'000'000, 1234567), 0);
    CHECK_IS(domctl(abi::DomctlCommand::GetTscInfo, 5, op), 0);
    CHECK_IS(op.u.tsc_info.tsc_mode, abi::tsc_mode_never_emulate);
    observe("native tsc khz", op.u.tsc_info.gtsc_khz);
    observe("native tsc age", static_cast<s64>(op.u.tsc_info.elapsed_nsec));
    observe("tsc_mode 3", set_tsc(5, 3, 0, 0));
    observe("tsc_mode of oneself", set_tsc(0, abi::tsc_mode_default, 0, 0));
    observe("tsc info of oneself", domctl(abi::DomctlCommand::GetTscInfo, 0, op));
    CHECK_IS(destroy_domain(5), 0);
}

/// The register is each vCPU's own. Hidden on the lab's usual CPU: see test_micro.py.
MICRO_CASE(tsc_aux_is_the_vcpus_own) {
    if (!has_rdtscp()) {
        CHECK(traps([] { write_tsc_aux(1); }));
        CHECK_IS(last_trap.vector, 13);
        return;
    }
    CHECK(!traps([] { write_tsc_aux(0x12345678); }));
    CHECK_IS(read_tsc_aux(), 0x12345678);
    CHECK(traps([] { write_tsc_aux(u64{1} << 32); }));
    CHECK_IS(last_trap.vector, 13);
    CHECK_IS(read_tsc_aux(), 0x12345678);
    static volatile bool is_set, is_done;
    static volatile u32 others;
    is_set = false;
    is_done = false;
    if (start_second([] {
            write_tsc_aux(0x9abc);
            is_set = true;
            while (!is_done) {}
            others = read_tsc_aux();
        })) {
        while (!is_set) call(Hypercall::SchedOp, abi::SchedOp::Yield, 0);
        for (unsigned i = 0; i < 100; ++i) {
            if (read_tsc_aux() != 0x12345678) CHECK(!"another vCPU's");
            call(Hypercall::SchedOp, abi::SchedOp::Yield, 0);
        }
        is_done = true;
        CHECK(second_is_down());
        CHECK_IS(others, 0x9abc);
    }
    // Its emulated form, by a kernel that lets RDTSC of its user mode trap: the same value.
    write_tsc_aux(0);
    print("MICRO-NOTE with rdtscp\n");
}
