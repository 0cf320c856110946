// SPDX-License-Identifier: Apache-2.0
// A TCG plugin for QEMU: counts executed instructions, and those of them that cost far more on a processor than here,
// by where their code lies. Programs mark the stretches that are measured (Mark); at each mark one line goes to the
// file of the argument out=FILE: the mark's number, and all counters since the start. The first line names them. With
// one emulated CPU the counts are exact; with several threads those of interface version 1 may lose some.
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "bench/plugin/decode.hpp"
#include "bench/plugin/qemu.hpp"

namespace {

using bench::Event;
using bench::Mark;

/// Where code lies in the paravirtual layout of the address space, which bare Linux shares: programs, the hypervisor,
/// kernels.
enum class Region : uint8_t { User, Hypervisor, Kernel, Count_ };
constexpr size_t region_count = static_cast<size_t>(Region::Count_);
constexpr const char* region_names[region_count] = {"user", "hypervisor", "kernel"};
constexpr uint64_t hypervisor_start = 0xffff800000000000, hypervisor_end = 0xffff880000000000;

Region region_of(uint64_t address) {
    if (address < hypervisor_start) return Region::User;
    return address < hypervisor_end ? Region::Hypervisor : Region::Kernel;
}

/// One region's counters: all instructions, then the events.
constexpr size_t per_region = 1 + bench::event_count;
constexpr size_t counter_count = region_count * per_region;

constexpr size_t index_of(Region region, Event event) {
    return static_cast<size_t>(region) * per_region + 1 + static_cast<size_t>(event);
}

int output = -1;

#if PLUGIN_API == 1
uint64_t counters[counter_count];

uint64_t value(size_t counter) { return counters[counter]; }

void count(qemu_plugin_insn* instruction, size_t counter) {
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, &counters[counter], 1);
}

void count_block(qemu_plugin_tb* block, size_t counter, uint64_t instructions) {
    qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &counters[counter], instructions);
}

size_t copy_bytes(const qemu_plugin_insn* instruction, uint8_t* to, size_t most) {
    const size_t size = qemu_plugin_insn_size(instruction) < most ? qemu_plugin_insn_size(instruction) : most;
    std::memcpy(to, qemu_plugin_insn_data(instruction), size);
    return size;
}

/// Registers cannot be read: each load of CR3 counts as one that flushes. (This QEMU's CPUs have no PCID, so it is
/// one.)
void count_cr3(qemu_plugin_insn* instruction, Region region, uint8_t) {
    count(instruction, index_of(region, Event::MovCr3));
}

void prepare(qemu_plugin_id_t) {}
#else
qemu_plugin_scoreboard* counters;

qemu_plugin_u64 entry(size_t counter) { return {counters, counter * sizeof(uint64_t)}; }

uint64_t value(size_t counter) { return qemu_plugin_u64_sum(entry(counter)); }

void count(qemu_plugin_insn* instruction, size_t counter) {
    qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, QEMU_PLUGIN_INLINE_ADD_U64, entry(counter), 1);
}

void count_block(qemu_plugin_tb* block, size_t counter, uint64_t instructions) {
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(block, QEMU_PLUGIN_INLINE_ADD_U64, entry(counter), instructions);
}

size_t copy_bytes(const qemu_plugin_insn* instruction, uint8_t* to, size_t most) {
    return qemu_plugin_insn_data(instruction, to, most);
}

/// The general registers by their numbers in instructions.
constexpr const char* register_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                            "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
qemu_plugin_register* registers[16];
GByteArray* buffer;
uint64_t cr3_loads[region_count][2]; // flushing, kept

void find_registers(qemu_plugin_id_t, unsigned) {
    const GArray* all = qemu_plugin_get_registers();
    const auto* found = reinterpret_cast<const qemu_plugin_reg_descriptor*>(all->data);
    for (unsigned i = 0; i < all->len; ++i)
        for (size_t number = 0; number < 16; ++number)
            if (std::strcmp(found[i].name, register_names[number]) == 0) registers[number] = found[i].handle;
}

/// Bit 63 of the source keeps what the TLB has (Intel SDM volume 3, 4.10.4.1). Counted by a single CPU's thread.
void on_cr3(unsigned, void* data) {
    const auto code = reinterpret_cast<uintptr_t>(data);
    qemu_plugin_register* source = registers[code & 15];
    g_byte_array_set_size(buffer, 0);
    const bool known = source != nullptr && qemu_plugin_read_register(source, buffer) == 8;
    ++cr3_loads[code >> 4][known && (buffer->data[7] & 0x80) != 0 ? 1 : 0];
}

void count_cr3(qemu_plugin_insn* instruction, Region region, uint8_t source) {
    const uintptr_t code = static_cast<uintptr_t>(region) << 4 | source;
    qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_cr3, QEMU_PLUGIN_CB_R_REGS, reinterpret_cast<void*>(code));
}

void prepare(qemu_plugin_id_t id) {
    counters = qemu_plugin_scoreboard_new(counter_count * sizeof(uint64_t));
    buffer = g_byte_array_new();
    qemu_plugin_register_vcpu_init_cb(id, find_registers);
}
#endif

/// What is counted outside the counters: loads of CR3, where registers can be read.
uint64_t beside(size_t counter) {
#if PLUGIN_API != 1
    for (size_t region = 0; region < region_count; ++region) {
        if (counter == index_of(static_cast<Region>(region), Event::MovCr3)) return cr3_loads[region][0];
        if (counter == index_of(static_cast<Region>(region), Event::MovCr3Kept)) return cr3_loads[region][1];
    }
#else
    (void)counter;
#endif
    return 0;
}

/// A line of the file, written at once: who reads it does so while the machine runs.
class Line {
  public:
    void add(const char* text) { length += std::snprintf(text_ + length, sizeof text_ - length, "%s", text); }
    void add(uint64_t number) {
        length +=
            std::snprintf(text_ + length, sizeof text_ - length, " %llu", static_cast<unsigned long long>(number));
    }
    void write() {
        add("\n");
        if (::write(output, text_, length) != static_cast<ssize_t>(length)) std::perror("events plugin"), _exit(1);
    }

  private:
    char text_[counter_count * 24];
    size_t length = 0;
};

void write_names() {
    Line line;
    line.add("mark");
    for (const char* region : region_names) {
        line.add(" "), line.add(region), line.add(".instructions");
        for (const char* event : bench::event_names) line.add(" "), line.add(region), line.add("."), line.add(event);
    }
    line.write();
}

void on_mark(unsigned, void* mark) {
    Line line;
    char number[8];
    std::snprintf(number, sizeof number, "%u", static_cast<unsigned>(reinterpret_cast<uintptr_t>(mark)));
    line.add(number);
    for (size_t counter = 0; counter < counter_count; ++counter) line.add(value(counter) + beside(counter));
    line.write();
}

void watch(qemu_plugin_insn* instruction, Region region, bench::Decoded what) {
    if (what.mark != Mark::None && region == Region::User) {
        const auto mark = static_cast<uintptr_t>(what.mark);
        qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, QEMU_PLUGIN_CB_NO_REGS,
                                               reinterpret_cast<void*>(mark));
    }
    if (what.event == Event::MovCr3) count_cr3(instruction, region, what.source);
    else if (what.event != Event::None) count(instruction, index_of(region, what.event));
}

/// Each block of code, when it is translated. A WRMSR is told by the constant that was loaded into ECX up to eight
/// instructions before it in the same block; a write to ECX by other means between the two would deceive this, and
/// compilers do not do that.
void on_translation(qemu_plugin_id_t, qemu_plugin_tb* block) {
    const size_t instructions = qemu_plugin_tb_n_insns(block);
    if (instructions == 0) return;
    const Region region = region_of(qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(block, 0)));
    count_block(block, static_cast<size_t>(region) * per_region, instructions);
    uint32_t msr = 0;
    size_t known_until = 0;
    for (size_t i = 0; i < instructions; ++i) {
        qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(block, i);
        uint8_t bytes[16];
        const size_t size = copy_bytes(instruction, bytes, sizeof bytes);
        if (const uint32_t constant = bench::constant_in_ecx(bytes, size)) msr = constant, known_until = i + 8;
        watch(instruction, region, bench::decode(bytes, size, i <= known_until ? msr : 0));
    }
}

} // namespace

extern "C" {

[[gnu::visibility("default")]] int qemu_plugin_version = PLUGIN_API;

[[gnu::visibility("default")]] int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int count,
                                                       char** arguments) {
    if (std::strcmp(info->target_name, "x86_64") != 0 || !info->system_emulation) {
        std::fprintf(stderr, "events plugin: it counts in x86_64 machines only\n");
        return 1;
    }
    if (count != 1 || std::strncmp(arguments[0], "out=", 4) != 0) {
        std::fprintf(stderr, "events plugin: give it out=FILE, and nothing else\n");
        return 1;
    }
    output = open(arguments[0] + 4, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (output < 0) {
        std::perror(arguments[0] + 4);
        return 1;
    }
    prepare(id);
    write_names();
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
}
