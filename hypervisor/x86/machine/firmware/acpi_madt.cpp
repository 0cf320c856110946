// SPDX-License-Identifier: Apache-2.0
// The MADT: processors, I/O APICs and how ISA interrupts are wired (ACPI 6.5, section 5.2.12).
#include "x86/machine/firmware/acpi_madt.hpp"

#include "x86/machine/firmware/acpi_tables.hpp"

namespace px::x86::acpi {
namespace {

enum class EntryType : u8 { LocalApic = 0, IoApic = 1, Override = 2, LocalApicAddress = 5, LocalX2Apic = 9 };

constexpr u32 enabled = 1;

void add_cpu(Topology& out, u32 apic_id, u32 acpi_id, u32 flags) {
    // Online-capable but absent CPUs cannot be started now.
    if (!(flags & enabled)) return;
    for (unsigned i = 0; i < out.cpu_count; ++i)
        if (out.cpus[i].apic_id == apic_id) return; // listed as both APIC and x2APIC
    if (out.cpu_count == max_cpus) ++out.dropped;
    else out.cpus[out.cpu_count++] = {apic_id, acpi_id};
}

void add_override(Topology& out, const u8* e, u32 length) {
    if (out.override_count == Topology::max_overrides) {
        ++out.dropped;
        return;
    }
    const auto flags = read_at<u16>(e, 8, length);
    out.overrides[out.override_count++] = {.isa_irq = e[3],
                                           .gsi = read_at<u32>(e, 4, length),
                                           .is_active_low = (flags & 3) == 3,
                                           .is_level = (flags >> 2 & 3) == 3};
}

void read_entry(const u8* e, u32 length, Topology& out) {
    switch (static_cast<EntryType>(e[0])) {
    case EntryType::LocalApic:
        add_cpu(out, read_at<u8>(e, 3, length), read_at<u8>(e, 2, length), read_at<u32>(e, 4, length));
        break;
    case EntryType::LocalX2Apic:
        add_cpu(out, read_at<u32>(e, 4, length), read_at<u32>(e, 12, length), read_at<u32>(e, 8, length));
        break;
    case EntryType::IoApic:
        if (out.io_apic_count == Topology::max_io_apics) ++out.dropped;
        else
            out.io_apics[out.io_apic_count++] = {read_at<u8>(e, 2, length), Paddr(read_at<u32>(e, 4, length)),
                                                 read_at<u32>(e, 8, length)};
        break;
    case EntryType::Override:
        if (length >= 10) add_override(out, e, length);
        break;
    case EntryType::LocalApicAddress: out.local_apic = read_at<u64>(e, 4, length); break;
    default: break;
    }
}

} // namespace

void read_madt(const u8* table, u32 length, Topology& out) {
    const auto madt = read_at<Madt>(table, 0, length);
    if (madt.local_apic != 0) out.local_apic = madt.local_apic;
    for (u32 at = sizeof(Madt); at + 2 <= length;) {
        const u32 size = table[at + 1];
        if (size < 2 || size > length - at) return;
        read_entry(table + at, size, out);
        at += size;
    }
}

} // namespace px::x86::acpi
