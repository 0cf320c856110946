// SPDX-License-Identifier: Apache-2.0
// What dom0 may write of a PCI device: its configuration space in memory (ECAM), its table of MSI-X messages; and how
// many vectors one MSI may have. For a machine with an ioh3420 at 00:05.0 and an e1000e at 00:06.0 (test_micro.py).
#include "abi/physdev.hpp"
#include "lib/micro.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;
using abi::PhysdevOp;

namespace {

constexpr u64 ecam = 0xb0000000; ///< of a Q35 as its firmware places it
constexpr u8 port_function = 5 << 3, card = 6 << 3;
constexpr u32 capability_msi = 5, capability_msix = 0x11;

u32 read_config(u8 function, u32 offset) {
    u32 value;
    asm volatile("outl %0, %1" ::"a"(0x80000000 | u32{function} << 8 | (offset & 0xfc)), "d"(u16{0xcf8}));
    asm volatile("inl %1, %0" : "=a"(value) : "d"(u16{0xcfc}));
    return value;
}
void write_config(u8 function, u32 offset, u32 value) {
    asm volatile("outl %0, %1" ::"a"(0x80000000 | u32{function} << 8 | (offset & 0xfc)), "d"(u16{0xcf8}));
    asm volatile("outl %0, %1" ::"a"(value), "d"(u16{0xcfc}));
}
/// With a number in the bits of the address that mean registers beyond the first 256 to some of AMD's CPUs.
void write_far_config(u8 function, u32 offset, u32 value) {
    asm volatile("outl %0, %1" ::"a"(0x81000000 | u32{function} << 8 | (offset & 0xfc)), "d"(u16{0xcf8}));
    asm volatile("outl %0, %1" ::"a"(value), "d"(u16{0xcfc}));
}
u32 find_capability(u8 function, u32 id) {
    u32 at = read_config(function, 0x34) & 0xfc;
    for (int i = 0; at != 0 && i < 48; ++i) {
        const u32 head = read_config(function, at);
        if ((head & 0xff) == id) return at;
        at = head >> 8 & 0xfc;
    }
    return 0;
}

volatile u32* window; ///< a page of the guest's, in whose place others are mapped

/// Maps a page of device memory for writing; whether it is so.
long map(u64 address) { return update_va(const_cast<u32*>(window), address | kernel_rw | no_execute | 0x18); }
bool is_writable() { return (*entry_for(reinterpret_cast<u64>(window)) & writable) != 0; }

/// Writes a word by the window: what is there then; the vector of a trap, negative, if there was one.
s64 write_and_read(u32 offset, u32 value) {
    if (traps([&] { window[offset / 4] = value; })) return -static_cast<s64>(last_trap.vector);
    return window[offset / 4];
}

long map_message(u8 function, abi::MapPirqType type, int32_t entry, u64 table, int32_t& pirq) {
    abi::PhysdevMapPirq op{};
    op.domid = abi::domid_self;
    op.type = static_cast<int32_t>(type);
    op.index = op.pirq = -1;
    op.devfn = function;
    op.entry_nr = entry;
    op.table_base = table;
    const long result = call(Hypercall::PhysdevOp, PhysdevOp::MapPirq, &op);
    pirq = op.pirq;
    return result;
}
long unmap_message(int32_t pirq) {
    abi::PhysdevUnmapPirq op{abi::domid_self, pirq};
    return call(Hypercall::PhysdevOp, PhysdevOp::UnmapPirq, &op);
}

void announce(u8 function) {
    abi::PhysdevManagePci op{0, function};
    const long result = call(Hypercall::PhysdevOp, PhysdevOp::ManagePciAdd, &op);
    CHECK_IS(result, 0);
}

void begin() {
    window = static_cast<volatile u32*>(new_page());
    abi::PhysdevSetIopl iopl{1};
    CHECK_IS(call(Hypercall::PhysdevOp, PhysdevOp::SetIopl, &iopl), 0);
    CHECK_IS(read_config(port_function, 0), 0x34208086);
    CHECK_IS(read_config(card, 0), 0x10d38086);
    announce(port_function);
    announce(card);
}

} // namespace

/// Several vectors for one MSI need interrupt remapping, which is not there.
MICRO_CASE_ALONE(one_vector_for_each_msi) {
    begin();
    int32_t pirq = 0;
    CHECK_IS(read_config(port_function, find_capability(port_function, capability_msi)) >> 17 & 7, 1); // can do two
    for (const int32_t vectors : {-1, 0, 33})
        CHECK_IS(map_message(port_function, abi::MapPirqType::MultiMsi, vectors, 0, pirq), error(Errno::Domain));
    for (const int32_t vectors : {2, 3, 32})
        CHECK_IS(map_message(port_function, abi::MapPirqType::MultiMsi, vectors, 0, pirq), error(Errno::NotSupported));
    CHECK_IS(map_message(port_function, abi::MapPirqType::MultiMsi, 1, 0, pirq), 0);
    CHECK_IS(read_config(port_function, find_capability(port_function, capability_msi)) >> 20 & 7, 0);
    CHECK_IS(unmap_message(pirq), 0);
}

/// It is mapped read-only, whatever is asked for, and what is written is done by the hypervisor.
MICRO_CASE_ALONE(configuration_in_memory) {
    begin();
    CHECK_IS(map(ecam + card * page_bytes), 0);
    CHECK(!is_writable());
    const u32 line = read_config(card, 0x3c);
    CHECK_IS(write_and_read(0x3c, (line & ~0xffu) | 7) & 0xff, 7);
    CHECK_IS(read_config(card, 0x3c) & 0xff, 7);
    const auto byte = reinterpret_cast<volatile u8*>(window) + 0x3c;
    CHECK(!traps([&] { *byte = 9; }));
    CHECK_IS(read_config(card, 0x3c) & 0xff, 9);
    CHECK(traps([&] { asm volatile("orb $0x10, %0" : "+m"(*byte)); })); // only plain moves
    CHECK_IS(read_config(card, 0x3c) & 0xff, 9);
    const u32 at = find_capability(card, capability_msi);
    CHECK_IS(write_and_read(at + 12, 0x1234), 0x1234);
    CHECK_IS(read_config(card, at + 12), 0x1234);
    int32_t pirq = 0;
    CHECK_IS(map_message(card, abi::MapPirqType::MsiSeg, 0, 0, pirq), 0);
    // Its message cannot be masked: all of it stays for writing.
    const u32 data = read_config(card, at + 12);
    CHECK_IS(write_and_read(at + 12, data ^ 1), data ^ 1);
    write_config(card, at + 12, data);
    CHECK_IS(read_config(card, at + 12), data);
    const u32 control = read_config(card, at);
    write_config(card, at, control | 1 << 16);
    CHECK_IS(read_config(card, at) >> 16 & 1, 1);
    write_config(card, at, control);
    CHECK_IS(unmap_message(pirq), 0);
    CHECK_IS(map(ecam + 256 * page_bytes), 0); // the next bus
    CHECK(!is_writable());
    CHECK_IS(set_access(const_cast<u32*>(window), true), 0);
}

/// A table of MSI-X is dom0's to write, in use or not; of its capability only the control word is.
MICRO_CASE_ALONE(tables_of_messages) {
    begin();
    write_config(card, 4, read_config(card, 4) | 2);
    const u32 at = find_capability(card, capability_msix);
    const u32 where = read_config(card, at + 4);
    const u64 bar = read_config(card, 0x10 + (where & 7) * 4) & ~0xfu;
    const u64 table = bar + (where & ~7u);
    CHECK(bar != 0);
    const u32 in_page = table & 0xfff;
    CHECK_IS(map(table & ~0xfffull), 0);
    CHECK(is_writable());
    CHECK_IS(write_and_read(in_page + 12, 0), 0);
    CHECK_IS(write_and_read(in_page + 12, 1), 1);
    int32_t pirq = 0;
    CHECK_IS(map_message(card, abi::MapPirqType::MsiSeg, 0, bar, pirq), 0);
    CHECK_IS(map(table & ~0xfffull), 0);
    CHECK(is_writable());
    const u32 mask = window[(in_page + 12) / 4], data = window[(in_page + 8) / 4];
    CHECK_IS(mask, 1);
    CHECK_IS(write_and_read(in_page + 12, mask ^ 1), mask ^ 1);
    CHECK_IS(write_and_read(in_page + 12, mask), mask);
    CHECK_IS(write_and_read(in_page + 8, data ^ 1), data ^ 1);
    CHECK_IS(write_and_read(in_page + 8, data), data);

    const u32 control = read_config(card, at);
    CHECK_IS(map(ecam + card * page_bytes), 0);
    CHECK(!is_writable());
    for (const u32 bit : {1u << 30, 1u << 31}) { // all masked; enabled
        write_config(card, at, control | bit);
        CHECK_IS(read_config(card, at), control);
        write_far_config(card, at, control | bit);
        CHECK_IS(read_config(card, at), control);
        CHECK_IS(write_and_read(at, control | bit), control);
        write_config(card, at + 4, where ^ 1);
        CHECK_IS(read_config(card, at + 4), where);
        CHECK_IS(write_and_read(at + 4, where ^ 1), where);
        const auto word = reinterpret_cast<volatile u16*>(window) + (at + 2) / 2;
        CHECK(!traps([&] { *word = static_cast<u16>((control | bit) >> 16); }));
        CHECK_IS(read_config(card, at), control | bit);
        CHECK(!traps([&] { *word = static_cast<u16>(control >> 16); }));
        CHECK_IS(read_config(card, at), control);
    }
    CHECK_IS(unmap_message(pirq), 0);
    CHECK_IS(set_access(const_cast<u32*>(window), true), 0);
}
