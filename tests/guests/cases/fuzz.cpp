// SPDX-License-Identifier: Apache-2.0
// Random hypercalls with interesting arguments. Words of the command line: seed=N (the first), seeds=N (how many),
// trace. The guest may crash itself; the hypervisor must live. With two vCPUs both call at the same time.
#include "abi/domctl.hpp"
#include "abi/platform.hpp"
#include "abi/sysctl.hpp"
#include "lib/fuzz_values.hpp"
#include "lib/micro.hpp"
#include "lib/second.hpp"

using namespace micro;
using abi::Hypercall;
using fuzz::Dice;

namespace {

constexpr unsigned calls_per_seed = 200;

struct Request {
    u64 number, args[6];
};

/// Domctls and sysctls begin with their command and version; a random one would never get further.
void head(Dice& d, u64* page, u32 commands, u32 version) { page[0] = d.below(commands) | u64{version} << 32; }

u64 sized_op(Dice& d, u32 ops) { return d.below(16) ? d.below(ops) : d.any(); }

/// One update: an entry that this guest can spare, or anything.
void page_updates(Dice& d, u64* page, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        page[2 * i] = fuzz::spare_entry(d) | d.below(4);
        page[2 * i + 1] = d.below(4) ? fuzz::entry_value(d) : d.any();
    }
}

void extended(Dice& d, abi::MmuextOp* ops, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        ops[i].cmd = static_cast<u32>(d.below(22));
        ops[i].arg1.mfn = d.below(3) ? fuzz::frame(d) : d.any();
        const u64 second = d.below(2) ? fuzz::frame(d) : d.any();
        memcpy(&ops[i].arg2, &second, sizeof second);
        // A base pointer without the kernel's own slot ends this guest at once.
        if (ops[i].cmd == static_cast<u32>(abi::MmuextCommand::NewBaseptr)) ops[i].cmd = 99;
    }
}

void reservation(Dice& d, u64* page) {
    abi::MemoryReservation r{};
    u64* list = page + 64;
    for (unsigned i = 0; i < 16; ++i) list[i] = fuzz::frame(d);
    r.extent_start.address = d.below(8) ? reinterpret_cast<u64>(list) : d.any();
    r.nr_extents = d.below(8) ? d.below(16) : d.any();
    r.extent_order = static_cast<u32>(d.below(4) ? 0 : d.below(4) ? d.below(10) : d.any());
    r.mem_flags = static_cast<u32>(d.below(2) ? 0 : d.any());
    r.domid = static_cast<u16>(d.below(4) ? abi::domid_self : d.any());
    memcpy(page, &r, sizeof r);
    if (d.below(3) == 0) memcpy(reinterpret_cast<u8*>(page) + sizeof r, &r, sizeof r); // exchange: the other half
}

void version_grants(Dice& d, u64* page) {
    // Domains, references and handles are small numbers or they are refused early.
    for (unsigned i = 0; i < 16; ++i)
        if (d.below(2)) page[i] = d.below(12) | (d.below(2) ? d.below(12) << 32 : u64{abi::domid_self} << 32);
    if (d.below(2)) page[0] = reinterpret_cast<u64>(fuzz::page(d));
    if (d.below(3) == 0) page[0] = fuzz::spare_entry(d);
}

/// What would end this guest, or leave it waiting for ever, as a right of its own.
bool ends_itself(const Request& r) {
    const auto number = static_cast<Hypercall>(r.number);
    const auto* words = reinterpret_cast<const u32*>(r.args[0]);
    switch (number) {
    case Hypercall::Multicall: // lists are made where each entry is looked at
    case Hypercall::Iret:
    case Hypercall::SchedOpCompat: return true;
    case Hypercall::SchedOp: {
        const u32 op = static_cast<u32>(r.args[0]);
        const auto* poll = reinterpret_cast<const u64*>(r.args[1]);
        return op == 1 || op == 2 || op == 4 || op == 6 || (op == 3 && !(fuzz::is_scratch(poll) && poll[2] == 1));
    }
    case Hypercall::VcpuOp: return static_cast<u32>(r.args[0]) == 2 || static_cast<u32>(r.args[0]) == 11;
    case Hypercall::ConsoleIo: return static_cast<u32>(r.args[0]) == 0; // would only fill the log
    case Hypercall::UpdateVaMapping:
    case Hypercall::UpdateVaMappingOtherdomain: return !fuzz::is_spare(r.args[0]);
    case Hypercall::PlatformOp: return fuzz::is_scratch(words) && words[0] == 51; // sleep
    case Hypercall::Sysctl: return fuzz::is_scratch(words) && words[0] == 7;      // debug keys: reboot, crash
    case Hypercall::Domctl: return fuzz::is_scratch(words) && words[0] == 1001;   // pauses a vCPU
    default: return false;
    }
}

/// A request of the kinds whose structures are worth shaping; `page` is the caller's own.
Request shaped(Dice& d, u64* page) {
    const u64 at = reinterpret_cast<u64>(page);
    const unsigned count = 1 + static_cast<unsigned>(d.below(4));
    const u64 many = d.below(16) ? count : d.any();
    const u64 who = d.below(8) ? u64{abi::domid_self} : d.any();
    switch (d.below(14)) {
    case 0: page_updates(d, page, count); return {1, {at, many, d.below(4) ? 0 : at + 2048, who}};
    case 1: extended(d, reinterpret_cast<abi::MmuextOp*>(page), count); return {26, {at, many, 0, who}};
    case 2:
        return {14, {reinterpret_cast<u64>(fuzz::page(d)), fuzz::entry_value(d), d.below(2) ? d.below(4) : d.any()}};
    case 3: reservation(d, page); return {12, {sized_op(d, 42) | (d.below(8) ? 0 : d.any() << 6), at}};
    case 4:
    case 5: version_grants(d, page); return {20, {sized_op(d, 13), at, many}};
    case 6: page[0] = d.below(16) | d.below(2) * d.any() << 32; return {32, {sized_op(d, 16), at}};
    case 7:
        head(d, page, 90, abi::domctl_interface_version);
        page[1] = d.below(4) ? d.below(8) : d.any();
        return {36, {at}};
    case 8: head(d, page, 32, abi::sysctl_interface_version); return {35, {at}};
    case 9: head(d, page, 66, abi::platform_interface_version); return {7, {at}};
    case 10: return {24, {sized_op(d, 14), d.below(4) ? d.below(2) : d.any(), d.below(4) ? at : d.any()}};
    case 11: page[2] = 1; return {29, {sized_op(d, 8), at}}; // poll: a time long past
    case 12: page[0] = fuzz::frame(d); return {2, {at, d.below(600)}};
    default: return {33, {sized_op(d, 34), at}};
    }
}

Request request(Dice& d, u64* page) {
    for (;;) {
        for (unsigned i = 0; i < 64; ++i) page[i] = d.below(3) ? d.any() : d.below(16) | d.below(16) << 32;
        Request r{};
        if (d.below(4)) r = shaped(d, page);
        else {
            r.number = d.below(64);
            for (u64& a : r.args) a = d.below(3) ? d.any() : d.below(2) ? reinterpret_cast<u64>(page) : d.below(32);
        }
        // The callbacks of this guest are seldom worth losing.
        const bool seldom = r.number == 0 || r.number == 4 || r.number == 28 || r.number == 30 || r.number == 8;
        if ((seldom && d.below(8)) || ends_itself(r)) continue;
        return r;
    }
}

bool traced;

void tell(const Request& r) {
    print("FUZZ call ");
    print_number(static_cast<s64>(r.number));
    for (u64 a : r.args) {
        print(" ");
        print_number(static_cast<s64>(a), true);
    }
    const auto* page = reinterpret_cast<const u64*>(r.args[0]);
    if (!fuzz::is_scratch(page)) page = reinterpret_cast<const u64*>(r.args[1]);
    for (unsigned i = 0; fuzz::is_scratch(page) && i < (r.number == 13 ? 104u : 8u); ++i) {
        print(i ? " " : " : ");
        print_number(static_cast<s64>(page[i]), true);
    }
    print("\n");
}

void perform(Dice& d, unsigned vcpu) {
    if (d.below(12) == 0) {
        auto* list = reinterpret_cast<abi::MulticallEntry*>(fuzz::scratch(vcpu, 4));
        const u64 count = 1 + d.below(4);
        for (u64 i = 0; i < count; ++i) {
            const Request r = request(d, fuzz::scratch(vcpu, static_cast<unsigned>(i)));
            if (traced && vcpu == 0) tell(r);
            list[i].op = d.below(16) ? r.number : 13;
            memcpy(list[i].args, r.args, sizeof r.args);
        }
        call(Hypercall::Multicall, list, d.below(16) ? count : d.any() & 0xffff);
        return;
    }
    const Request r = request(d, fuzz::scratch(vcpu, 0));
    if (traced && vcpu == 0) tell(r);
    fuzz::remember(d,
                   hypercall6(static_cast<long>(r.number), static_cast<long>(r.args[0]), static_cast<long>(r.args[1]),
                              static_cast<long>(r.args[2]), static_cast<long>(r.args[3]), static_cast<long>(r.args[4]),
                              static_cast<long>(r.args[5])));
}

u64 number_after(const char* word, u64 otherwise) {
    const char* line = reinterpret_cast<const char*>(start_info->cmd_line);
    for (; *line; ++line) {
        unsigned n = 0;
        while (word[n] && line[n] == word[n]) ++n;
        if (word[n]) continue;
        u64 value = 0;
        for (line += n; *line >= '0' && *line <= '9'; ++line) value = value * 10 + static_cast<u64>(*line - '0');
        return value;
    }
    return otherwise;
}

volatile u64 second_seed;
volatile bool second_ends;

void second_loop() {
    while (!second_ends) {
        Dice d{second_seed + 0x100000};
        for (unsigned i = 0; i < calls_per_seed && !second_ends; ++i) perform(d, 1);
    }
}

/// Events and debug traps that the fuzzer caused itself do not matter.
void forgive(Frame& frame) {
    if (frame.vector == 0x200 || frame.vector == 1 || frame.vector == 0x201) {
        frame.rflags &= ~u64{0x10100};
        vcpu_info().evtchn_upcall_mask = 1;
        return;
    }
    print("FUZZ trap ");
    print_number(static_cast<s64>(frame.vector));
    print(" at ");
    print_number(static_cast<s64>(frame.rip), true);
    print("\n");
    shut_down(1);
}

} // namespace

MICRO_CASE_ALONE(fuzz) {
    fuzz::prepare();
    trap_hook = forgive;
    const u64 first = number_after("seed=", 1), seeds = number_after("seeds=", 50);
    traced = number_after("trace=", 0) != 0;
    second_seed = first;
    if (number_after("one=", 0) == 0) start_second(second_loop);
    for (u64 seed = first; seed < first + seeds; ++seed) {
        print("FUZZ seed ");
        print_number(static_cast<s64>(seed));
        print("\n");
        second_seed = seed;
        Dice d{seed};
        fuzz::repair(d);
        for (unsigned i = 0; i < calls_per_seed; ++i) perform(d, 0);
    }
    second_ends = true;
    print("FUZZ-END\n");
}
