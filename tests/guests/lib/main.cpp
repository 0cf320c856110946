// SPDX-License-Identifier: Apache-2.0
// Start of the micro guest: maps what it was given, runs the chosen cases, says PASS or FAIL for each, powers off.
#include "abi/console.hpp"
#include "lib/micro.hpp"

extern "C" {
extern const micro::Case cases_start[], cases_end[];
void trap_0(), trap_1(), trap_2(), trap_3(), trap_4(), trap_5(), trap_6(), trap_7(), trap_8(), trap_9(), trap_10(),
    trap_11(), trap_12(), trap_13(), trap_14(), trap_15(), trap_16(), trap_17(), trap_18(), trap_19(), trap_0x80();
[[noreturn]] void guarded_exit();
extern micro::u64 guard_stack;
void* memset(void* to, int value, size_t bytes) {
    auto* p = static_cast<micro::u8*>(to);
    while (bytes--) *p++ = static_cast<micro::u8>(value);
    return to;
}
void* memcpy(void* to, const void* from, size_t bytes) {
    auto* p = static_cast<micro::u8*>(to);
    auto* q = static_cast<const micro::u8*>(from);
    while (bytes--) *p++ = *q++;
    return to;
}
}

namespace micro {

abi::StartInfo* start_info;
abi::SharedInfo* shared_info;
Trap last_trap;
void (*trap_hook)(Frame&);

namespace {

alignas(4096) u8 shared_info_page[page_bytes];
alignas(4096) u8 pool[256][page_bytes];
unsigned pool_used;
abi::TrapInfo trap_table[24];
bool case_failed;

/// What was printed since the last whole line. The console gets lines, each by one call, which neither hypervisor
/// breaks up to 127 characters: in parts, another CPU's message could come between a name and its value.
struct {
    char text[127];
    u8 used;
} said;

bool is_dom0() { return (start_info->flags & abi::sif_initdomain) != 0; }

/// A domU has no hypervisor console: its text goes through the ring that xenconsoled reads.
void print_ring(const char* text, size_t size) {
    auto* ring = static_cast<abi::ConsoleInterface*>(va_of_mfn(start_info->console.domU.mfn));
    for (const char* end = text + size; text != end; ++text) {
        while (ring->out_prod - *const_cast<volatile u32*>(&ring->out_cons) >= sizeof(ring->out))
            call(abi::Hypercall::SchedOp, abi::SchedOp::Yield, 0);
        ring->out[ring->out_prod % sizeof(ring->out)] = *text;
        asm volatile("" ::: "memory");
        ++ring->out_prod;
    }
    abi::EvtchnSend op{start_info->console.domU.evtchn};
    call(abi::Hypercall::EventChannelOp, abi::EventChannelOp::Send, &op);
}

void end_line() {
    const size_t used = said.used;
    said.used = 0;
    if (is_dom0()) call(abi::Hypercall::ConsoleIo, 0, used, said.text);
    else print_ring(said.text, used);
}

bool same(const char* a, const char* b, size_t n) {
    for (size_t i = 0; i < n; ++i)
        if (a[i] != b[i]) return false;
    return b[n] == 0;
}

void set_traps() {
    struct {
        u8 vector;
        void (*handler)();
        u8 flags;
    } const all[] = {{0, trap_0, 0},   {1, trap_1, 0},   {3, trap_3, 3},   {4, trap_4, 3},      {5, trap_5, 0},
                     {6, trap_6, 0},   {7, trap_7, 0},   {8, trap_8, 0},   {9, trap_9, 0},      {10, trap_10, 0},
                     {11, trap_11, 0}, {12, trap_12, 0}, {13, trap_13, 0}, {14, trap_14, 0},    {16, trap_16, 0},
                     {17, trap_17, 0}, {18, trap_18, 0}, {19, trap_19, 0}, {0x80, trap_0x80, 3}};
    unsigned n = 0;
    for (const auto& t : all)
        trap_table[n++] = {t.vector, t.flags, abi::flat_ring3_cs64, reinterpret_cast<u64>(t.handler)};
    call(abi::Hypercall::SetTrapTable, trap_table);
    const struct {
        abi::CallbackType type;
        const char* entry;
    } callbacks[] = {{abi::CallbackType::Event, event_entry},
                     {abi::CallbackType::Failsafe, failsafe_entry},
                     {abi::CallbackType::Syscall, syscall_entry}};
    for (const auto& c : callbacks) {
        abi::CallbackRegister op{};
        op.type = static_cast<u16>(c.type);
        op.flags = abi::callbackf_mask_events;
        op.address = reinterpret_cast<u64>(c.entry);
        call(abi::Hypercall::CallbackOp, abi::CallbackOp::Register, &op);
    }
}

void run_case(const Case& c) {
    case_failed = false;
    pool_used = 0;
    trap_hook = nullptr;
    print("MICRO ");
    print(c.name);
    print(" ...\n");
    c.run();
    print(case_failed ? "MICRO-FAIL " : "MICRO-PASS ");
    print(c.name);
    print("\n");
}

/// Words of the command line are names of cases, or "all", or "first:NAME" to begin "all" there.
void run_chosen(const char* words) {
    while (*words) {
        while (*words == ' ') ++words;
        size_t n = 0;
        while (words[n] && words[n] != ' ') ++n;
        for (const Case* c = cases_start; n && c != cases_end; ++c)
            if ((c->in_all && same(words, "all", n)) || same(words, c->name, n)) run_case(*c);
        words += n;
    }
}

} // namespace

void print(const char* text) {
    for (; *text; ++text) {
        said.text[said.used++] = *text;
        if (*text == '\n' || said.used >= sizeof said.text) end_line();
    }
}

void print_number(s64 value, bool hexadecimal) {
    char text[24];
    char* p = text + sizeof text;
    *--p = 0;
    const u64 base = hexadecimal ? 16 : 10;
    u64 left = !hexadecimal && value < 0 ? -static_cast<u64>(value) : static_cast<u64>(value);
    do *--p = "0123456789abcdef"[left % base];
    while (left /= base);
    if (!hexadecimal && value < 0) *--p = '-';
    print(p);
}

void observe(const char* what, s64 value) {
    print("MICRO-OBSERVE ");
    print(what);
    print(" ");
    print_number(value);
    print("\n");
}

void check(bool ok, const char* expression, const char* file, int line) {
    if (ok) return;
    case_failed = true;
    const char* name = file;
    for (const char* p = file; *p; ++p)
        if (*p == '/') name = p + 1;
    print("MICRO-CHECK ");
    print(name);
    print(":");
    print_number(line);
    print(": ");
    print(expression);
    print("\n");
}

void shut_down(u32 reason) {
    abi::SchedShutdown op{reason};
    for (;;) call(abi::Hypercall::SchedOp, abi::SchedOp::Shutdown, &op);
}

void* new_page() {
    if (pool_used == 256) {
        print("MICRO-FAIL out of pages\n");
        shut_down(3);
    }
    void* page = pool[pool_used++];
    // An earlier case may have left it read-only, unmapped, or with another frame.
    const u64 entry = *entry_for(reinterpret_cast<u64>(page));
    const bool as_it_should =
        (entry & (present | writable)) == (present | writable) && (entry & frame_mask) == mfn_of(page) * page_bytes;
    if (!as_it_should && set_access(page, true) != 0) return new_page();
    memset(page, 0, page_bytes);
    return page;
}

u64* table_for(u64 address, int level) {
    auto* table = reinterpret_cast<u64*>(start_info->pt_base);
    for (int l = 4; l > level; --l) {
        const u64 entry = table[index_at(address, l)];
        if (!(entry & present)) return nullptr;
        table = static_cast<u64*>(va_of_mfn((entry & frame_mask) / page_bytes));
    }
    return table;
}

long update_va(const void* address, u64 entry, u64 flags) {
    return call(abi::Hypercall::UpdateVaMapping, address, entry, flags);
}

long mmu_update(const void* entry, u64 value, u64 command) {
    abi::MmuUpdate op{machine_address(entry) | command, value};
    return call(abi::Hypercall::MmuUpdate, &op, 1, 0, abi::domid_self);
}

long mmuext(abi::MmuextCommand command, u64 mfn_or_address, u64 arg2) {
    abi::MmuextOp op{};
    op.cmd = static_cast<u32>(command);
    op.arg1.mfn = mfn_or_address;
    memcpy(&op.arg2, &arg2, sizeof arg2);
    return call(abi::Hypercall::MmuextOp, &op, 1, 0, abi::domid_self);
}

long set_access(void* page, bool write) {
    return update_va(page, mfn_of(page) * page_bytes | (write ? kernel_rw : kernel_ro) | no_execute);
}

u64 system_time() {
    const volatile abi::VcpuTimeInfo& t = vcpu_info().time;
    for (;;) {
        const u32 version = t.version;
        asm volatile("" ::: "memory");
        u64 delta = rdtsc() - t.tsc_timestamp;
        delta = t.tsc_shift >= 0 ? delta << t.tsc_shift : delta >> -t.tsc_shift;
        const u64 time =
            t.system_time + static_cast<u64>((static_cast<unsigned __int128>(delta) * t.tsc_to_system_mul) >> 32);
        asm volatile("" ::: "memory");
        if (!(version & 1) && version == t.version) return time;
    }
}

} // namespace micro

extern "C" void handle_trap(micro::Frame* frame) {
    using namespace micro;
    if (guard_stack && frame->vector < 0x100) {
        last_trap = {frame->vector, frame->error_code, frame->rip, vcpu_info().arch.cr2};
        guarded_exit();
    }
    if (trap_hook) return trap_hook(*frame);
    print("MICRO-FAIL unexpected trap ");
    print_number(static_cast<s64>(frame->vector), true);
    print(" code ");
    print_number(static_cast<s64>(frame->error_code), true);
    print(" rip ");
    print_number(static_cast<s64>(frame->rip), true);
    print(" cr2 ");
    print_number(static_cast<s64>(vcpu_info().arch.cr2), true);
    print("\n");
    shut_down(3);
}

extern "C" void micro_main(abi::StartInfo* info) {
    using namespace micro;
    start_info = info;
    shared_info = reinterpret_cast<abi::SharedInfo*>(shared_info_page);
    update_va(shared_info_page, (info->shared_info & frame_mask) | kernel_rw | no_execute);
    set_traps();
    print("MICRO-START\n");
    run_chosen(reinterpret_cast<const char*>(info->cmd_line));
    print("MICRO-END\n");
    // As dom0 a reboot ends the emulator at once.
    shut_down(is_dom0() ? 1 : 0);
}
