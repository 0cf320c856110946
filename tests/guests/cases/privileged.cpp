// SPDX-License-Identifier: Apache-2.0
// Privileged instructions one by one: which are done for the kernel, and which are #GP. Xen 4.17's answers are in
// observed.json: -1 for an instruction that went through, else the exception's vector.
#include "abi/physdev.hpp"
#include "lib/micro.hpp"

using namespace micro;

namespace {

/// Names an attempt's result: the exception, or -1.
template <class F> void attempt(const char* name, F f) {
    observe(name, traps(f) ? static_cast<s64>(last_trap.vector) : -1);
}

u64 read_cr0() {
    u64 value;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}
void write_cr0(u64 value) { asm volatile("mov %0, %%cr0" ::"r"(value)); }
u64 read_cr3() {
    u64 value;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}
void write_cr3(u64 value) { asm volatile("mov %0, %%cr3" ::"r"(value) : "memory"); }
u64 read_cr4() {
    u64 value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
void write_cr4(u64 value) { asm volatile("mov %0, %%cr4" ::"r"(value)); }
u64 rdmsr(u32 index) {
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
    return u64{high} << 32 | low;
}
void wrmsr(u32 index, u64 value) {
    asm volatile("wrmsr" ::"c"(index), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)));
}
void xsetbv(u32 index, u64 value) {
    asm volatile("xsetbv" ::"c"(index), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32)));
}

} // namespace

MICRO_CASE(cr0_accepts_only_task_switched) {
    constexpr u64 task_switched = 8, write_protect = u64{1} << 16, cache_disable = u64{1} << 30;
    const u64 cr0 = read_cr0();
    observe("cr0", static_cast<s64>(cr0));
    attempt("cr0 unchanged", [&] { write_cr0(cr0); });
    attempt("cr0.ts set", [&] { write_cr0(cr0 | task_switched); });
    CHECK(read_cr0() & task_switched);
    attempt("cr0.ts clear", [&] { write_cr0(cr0); });
    CHECK(!(read_cr0() & task_switched));
    attempt("cr0.wp clear", [&] { write_cr0(cr0 & ~write_protect); });
    attempt("cr0.cd set", [&] { write_cr0(cr0 | cache_disable); });
    attempt("lmsw ts", [] { asm volatile("lmsw %0" ::"r"(u16{0xb})); });
    observe("ts after lmsw", (read_cr0() & task_switched) != 0);
    attempt("clts", [] { asm volatile("clts"); });
    CHECK(!(read_cr0() & task_switched));
}

MICRO_CASE(cr3_is_the_top_table) {
    const u64 top = mfn_of(reinterpret_cast<void*>(start_info->pt_base)) * page_bytes;
    u64 cr3 = 0;
    attempt("cr3 read", [&] { cr3 = read_cr3(); });
    CHECK_IS(cr3, top);
    attempt("cr3 same", [&] { write_cr3(top); });
    void* page = new_page(); // mapped writable: no table
    attempt("cr3 bad frame", [&] { write_cr3(mfn_of(page) * page_bytes); });
    attempt("cr3 no frame", [&] { write_cr3(u64{1} << 45); });
    attempt("cr3 low bits", [&] { write_cr3(top | 0x18); });
    CHECK_IS(read_cr3(), top);
    // A copy of the table that is in use is one as well.
    auto* other = static_cast<u64*>(new_page());
    memcpy(other, reinterpret_cast<void*>(start_info->pt_base), page_bytes);
    for (unsigned i = 256; i < 272; ++i) other[i] = 0;
    CHECK_IS(set_access(other, false), 0);
    attempt("cr3 other table", [&] { write_cr3(mfn_of(other) * page_bytes); });
    observe("cr3 changed", read_cr3() == mfn_of(other) * page_bytes);
    CHECK(!traps([&] { write_cr3(top); }));
    CHECK_IS(read_cr3(), top);
    CHECK_IS(set_access(other, true), 0);
}

MICRO_CASE(cr4_and_other_control_registers) {
    const u64 cr4 = read_cr4();
    observe("cr4", static_cast<s64>(cr4));
    attempt("cr4 unchanged", [&] { write_cr4(cr4); });
    attempt("cr4.tsd", [&] { write_cr4(cr4 | 4); });
    observe("cr4 with tsd", static_cast<s64>(read_cr4()));
    u64 before = rdtsc(); // emulated now
    CHECK(rdtsc() > before);
    attempt("cr4 all", [&] { write_cr4(0x3fffff); });
    observe("cr4 after all", static_cast<s64>(read_cr4()));
    attempt("cr4 none", [&] { write_cr4(0); });
    observe("cr4 after none", static_cast<s64>(read_cr4()));
    attempt("cr4 upper half", [&] { write_cr4(cr4 | u64{1} << 40); });
    write_cr4(cr4);
    CHECK_IS(read_cr4(), cr4);
    attempt("cr1 read", [] { asm volatile(".byte 0x0f, 0x20, 0xc8" ::: "rax"); });
    attempt("cr5 read", [] { asm volatile(".byte 0x0f, 0x20, 0xe8" ::: "rax"); });
    attempt("cr8 read", [] { asm volatile("mov %%cr8, %%rax" ::: "rax"); });
    attempt("cr8 write", [] { asm volatile("mov %0, %%cr8" ::"r"(u64{0})); });
}

MICRO_CASE(moves_to_debug_registers) {
    u64 value = 0;
    attempt("dr0 write", [] { asm volatile("mov %0, %%dr0" ::"r"(u64{0x2000})); });
    attempt("dr0 read", [&] { asm volatile("mov %%dr0, %0" : "=r"(value)); });
    CHECK_IS(value, 0x2000);
    attempt("dr0 hypervisor", [] { asm volatile("mov %0, %%dr0" ::"r"(0xffff830000001000)); });
    attempt("dr1 not canonical", [] { asm volatile("mov %0, %%dr1" ::"r"(0x8000000000000000)); });
    attempt("dr4 read", [&] { asm volatile(".byte 0x0f, 0x21, 0xe0" : "=a"(value)); });
    attempt("dr5 read", [&] { asm volatile(".byte 0x0f, 0x21, 0xe8" : "=a"(value)); });
    attempt("dr6 read", [&] { asm volatile("mov %%dr6, %0" : "=r"(value)); });
    observe("dr6", static_cast<s64>(value));
    attempt("dr6 write", [] { asm volatile("mov %0, %%dr6" ::"r"(u64{0xf})); });
    attempt("dr6 again", [&] { asm volatile("mov %%dr6, %0" : "=r"(value)); });
    observe("dr6 after 15", static_cast<s64>(value));
    observe("hypercall dr6 upper half", call(abi::Hypercall::SetDebugreg, 6, u64{1} << 32));
    observe("hypercall dr7 upper half", call(abi::Hypercall::SetDebugreg, 7, u64{1} << 32));
    observe("hypercall dr7 general detect", call(abi::Hypercall::SetDebugreg, 7, u64{1} << 13));
    observe("hypercall dr7 i/o", call(abi::Hypercall::SetDebugreg, 7, 0x20001));
    observe("hypercall dr4", call(abi::Hypercall::SetDebugreg, 4, 0));
    observe("hypercall dr5", call(abi::Hypercall::GetDebugreg, 5));
    attempt("dr6 upper half", [] { asm volatile("mov %0, %%dr6" ::"r"(u64{1} << 32)); });
    asm volatile("mov %0, %%dr6" ::"r"(u64{0}));
    attempt("dr7 read", [&] { asm volatile("mov %%dr7, %0" : "=r"(value)); });
    observe("dr7", static_cast<s64>(value));
    attempt("dr7 general detect", [] { asm volatile("mov %0, %%dr7" ::"r"(u64{1} << 13)); });
    asm volatile("mov %%dr7, %0" : "=r"(value));
    observe("dr7 after general detect", static_cast<s64>(value));
    attempt("dr7 upper half", [] { asm volatile("mov %0, %%dr7" ::"r"(u64{1} << 32)); });
    attempt("dr7 i/o breakpoint", [] { asm volatile("mov %0, %%dr7" ::"r"(u64{0x20001})); });
    attempt("dr7 reserved length", [] { asm volatile("mov %0, %%dr7" ::"r"(u64{0x80001})); });
    attempt("dr7 none", [] { asm volatile("mov %0, %%dr7" ::"r"(u64{0x400})); });
    asm volatile("mov %0, %%dr0" ::"r"(u64{0}));
}

MICRO_CASE(privileged_instructions_without_emulation) {
    static u64 room[4];
    attempt("cli", [] { asm volatile("cli"); });
    attempt("sti", [] { asm volatile("sti"); });
    attempt("wbinvd", [] { asm volatile("wbinvd"); });
    attempt("invd", [] { asm volatile("invd"); });
    attempt("hlt", [] { asm volatile("hlt"); });
    attempt("lidt", [] { asm volatile("lidt %0" ::"m"(room)); });
    attempt("lldt", [] { asm volatile("lldt %0" ::"r"(u16{0})); });
    attempt("rdpmc", [] { asm volatile("rdpmc" ::"c"(0) : "eax", "edx"); });
    attempt("monitor", [] { asm volatile("monitor" ::"a"(room), "c"(0), "d"(0)); });
    attempt("mwait", [] { asm volatile("mwait" ::"a"(0), "c"(0)); });
    attempt("vmcall", [] { asm volatile("vmcall"); });
    attempt("vmmcall", [] { asm volatile("vmmcall"); });
    attempt("rsm", [] { asm volatile("rsm"); });
    attempt("sysexit", [] { asm volatile("sysexit" ::"c"(0), "d"(0)); });
    attempt("sysret", [] { asm volatile("sysretq" ::"c"(0)); });
    attempt("clac", [] { asm volatile("clac"); });
    attempt("icebp", [] { asm volatile(".byte 0xf1"); });
    attempt("lock mov cr0", [] { asm volatile(".byte 0xf0, 0x0f, 0x20, 0xc0" ::: "rax"); });
    attempt("rdmsr with repeat", [] { asm volatile(".byte 0xf3, 0x0f, 0x32" ::"c"(0xc0000080) : "rax", "rdx"); });
}

MICRO_CASE(extended_control_register) {
    constexpr u64 osxsave = u64{1} << 18;
    u32 low = 0, high = 0;
    attempt("xgetbv", [&] { asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0)); });
    const u64 cr4 = read_cr4();
    write_cr4(cr4 & ~osxsave);
    attempt("xsetbv without osxsave", [&] { xsetbv(0, low); });
    write_cr4(cr4 | osxsave);
    attempt("xsetbv same", [&] { xsetbv(0, low); });
    attempt("xsetbv x87", [] { xsetbv(0, 1); });
    attempt("xsetbv 7", [] { xsetbv(0, 7); });
    attempt("xsetbv none", [] { xsetbv(0, 0); });
    attempt("xsetbv avx without sse", [] { xsetbv(0, 5); });
    attempt("xsetbv reserved", [] { xsetbv(0, u64{1} << 62 | 3); });
    attempt("xsetbv 1", [] { xsetbv(1, 3); });
    xsetbv(0, low);
    write_cr4(cr4);
}

MICRO_CASE(ports_and_strings) {
    static u8 text[16];
    static u8 value;
    attempt("out without iopl", [] { asm volatile("outb %%al, $0x80" ::"a"(0)); });
    attempt("outs without iopl", [] {
        const void* from = text;
        asm volatile("outsb" : "+S"(from) : "d"(0x80));
    });
    abi::PhysdevSetIopl level{1};
    CHECK_IS(call(abi::Hypercall::PhysdevOp, abi::PhysdevOp::SetIopl, &level), 0);
    attempt("cli with iopl", [] { asm volatile("cli"); });
    attempt("sti with iopl", [] { asm volatile("sti"); });
    attempt("out", [] { asm volatile("outb %%al, $0x80" ::"a"(0)); });
    attempt("in", [&] { asm volatile("inb $0x61, %0" : "=a"(value)); });
    attempt("in of hypervisor's port", [&] { asm volatile("inb $0x20, %0" : "=a"(value)); });
    observe("port 0x20", value);
    attempt("outs", [] {
        const void* from = text;
        asm volatile("outsb" : "+S"(from) : "d"(0x80));
    });
    u64 count = 16;
    const void* from = text;
    attempt("rep outs", [&] { asm volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(0x80)); });
    CHECK(count == 0 && from == text + 16);
    count = 5;
    void* to = text;
    attempt("rep insw", [&] { asm volatile("rep insw" : "+D"(to), "+c"(count) : "d"(0x80) : "memory"); });
    CHECK(count == 0 && to == text + 10);
    attempt("ins to nowhere", [] {
        void* nowhere = reinterpret_cast<void*>(0x123456789000);
        asm volatile("insb" : "+D"(nowhere) : "d"(0x61) : "memory");
    });
    attempt("outs from hypervisor", [] {
        const void* hidden = reinterpret_cast<void*>(0xffff830000001000);
        asm volatile("outsb" : "+S"(hidden) : "d"(0x80));
    });
    level = {0};
    CHECK_IS(call(abi::Hypercall::PhysdevOp, abi::PhysdevOp::SetIopl, &level), 0);
}

MICRO_CASE(model_specific_registers) {
    // Those that Linux and its tools look at.
    static const u32 indices[] = {
        0x10,       0x17,       0x1b,       0x2a,       0x34,       0x3a,       0x3b,       0x48,       0x49,
        0x8b,       0xce,       0xe1,       0xfe,       0x10a,      0x180,      0x10b,      0x122,      0x123,
        0x140,      0x174,      0x175,      0x176,      0x179,      0x17a,      0x17b,      0x198,      0x199,
        0x19c,      0x1a0,      0x1a2,      0x1ad,      0x1b0,      0x1b1,      0x1d9,      0x200,      0x201,
        0x250,      0x258,      0x26f,      0x280,      0x281,      0x29f,      0x277,      0x2ff,      0x345,
        0x38d,      0x38f,      0x3f1,      0x400,      0x401,      0x402,      0x403,      0x404,      0x407,
        0x408,      0x47c,      0x47f,      0x4d0,      0x48d,      0x480,      0x606,      0x611,      0x6a0,
        0x6e0,      0x770,      0x802,      0xc80,      0xd90,      0xda0,      0x40000000, 0x40000001, 0x4b564d00,
        0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
        0xc00000e7, 0xc00000e9, 0xc0000104, 0xc0000500, 0xc0010000, 0xc0010004, 0xc0010007, 0xc0010010, 0xc0010015,
        0xc001001a, 0xc0010016, 0xc0010019, 0xc001001b, 0xc001001d, 0xc001001f, 0xc0010020, 0xc001003e, 0xc0010055,
        0xc0010058, 0xc0010061, 0xc0010062, 0xc0010063, 0xc0010064, 0xc001006b, 0xc001006c, 0xc0010111, 0xc0010112,
        0xc0010113, 0xc0010114, 0xc0010117, 0xc001011e, 0xc001011f, 0xc0010140, 0xc0010141, 0xc0010200, 0xc001020b,
        0xc00102b0, 0xc0011004, 0xc0011005, 0xc001100a, 0xc001100c, 0xc0011019, 0xc001101b, 0xc0011020, 0xc0011021,
        0xc0011022, 0xc0011023, 0xc0011029, 0xc001102a, 0xc001102c};
    for (const u32 index : indices) {
        char name[] = "msr 00000000 read";
        for (unsigned i = 0; i < 8; ++i) name[4 + i] = "0123456789abcdef"[index >> (28 - 4 * i) & 15];
        u64 value = 0;
        const bool refused = traps([&] { value = rdmsr(index); });
        observe(name, refused ? static_cast<s64>(last_trap.vector) : -1);
        // The same value back, or zero to what cannot be read.
        memcpy(name + 13, "same", 4);
        observe(name, traps([&] { wrmsr(index, value); }) ? static_cast<s64>(last_trap.vector) : -1);
        memcpy(name + 13, "flip", 4);
        // FS and GS bases take what they are given; time, thermal, ... are left alone.
        if (index - 0xc0000100 < 3 || index == 0x10) continue;
        observe(name, traps([&] { wrmsr(index, value ^ 2); }) ? static_cast<s64>(last_trap.vector) : -1);
        (void)traps([&] { wrmsr(index, value); });
    }
    for (const u32 index : {0x277u,      0x179u,      0xc0000080u, 0xc0010015u, 0xceu,       0x10au,      0x1a0u,
                            0x140u,      0x345u,      0x401u,      0x17bu,      0x408u,      0x40000000u, 0xc0010000u,
                            0xc0010004u, 0xc001001au, 0xc001001du, 0xc001001fu, 0xc0010112u, 0xc0010113u, 0xc0010061u,
                            0xc0010062u, 0xc0010063u, 0xc0010064u, 0xc0011029u, 0xc0010010u, 0xc0010200u, 0x280u}) {
        char name[] = "value of msr 00000000";
        for (unsigned i = 0; i < 8; ++i) name[13 + i] = "0123456789abcdef"[index >> (28 - 4 * i) & 15];
        u64 value = 0;
        observe(name, traps([&] { value = rdmsr(index); }) ? -1 : static_cast<s64>(value));
    }
}

/// The page of hypercall stubs can be asked for by an MSR, which CPUID names.
MICRO_CASE(hypercall_page_by_msr) {
    auto* page = static_cast<u8*>(new_page());
    attempt("hypercall msr", [&] { wrmsr(0x40000000, mfn_of(page) * page_bytes); });
    CHECK_IS(page[0], 0x51); // push %rcx: the first stub
    CHECK_IS(page[32 * 24 + 4], 24);
    attempt("hypercall msr, second page", [&] { wrmsr(0x40000000, mfn_of(page) * page_bytes | 1); });
    attempt("hypercall msr, no frame", [] { wrmsr(0x40000000, u64{1} << 45); });
    CHECK_IS(set_access(page, false), 0);
    attempt("hypercall msr, read-only page", [&] { wrmsr(0x40000000, mfn_of(page) * page_bytes); });
    CHECK_IS(set_access(page, true), 0);
}

MICRO_CASE(extended_state_as_offered) {
    u32 a = 1, b, c, d;
    asm volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
                 : "+a"(a), "=b"(b), "=c"(c), "=d"(d)); // Xen's emulated CPUID
    const bool offered = c >> 26 & 1, on = c >> 27 & 1;
    observe("xsave is offered", offered);
    CHECK_IS(on, offered);
    constexpr u64 osxsave = u64{1} << 18;
    const u64 cr4 = read_cr4();
    write_cr4(cr4 | osxsave);
    CHECK_IS((read_cr4() & osxsave) != 0, offered);
    CHECK_IS(traps([] { xsetbv(0, 3); }), !offered);
    write_cr4(cr4);
}
