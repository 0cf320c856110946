// SPDX-License-Identifier: Apache-2.0
// Finding and reading the ACPI tables at boot (ACPI 6.5, section 5.2).
#include "x86/machine/firmware/acpi.hpp"

#include "base/log.hpp"
#include "boot/boot_info.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/firmware/acpi_madt.hpp"
#include "x86/machine/firmware/acpi_tables.hpp"
#include "x86/machine/paging/paging.hpp"

#include <algorithm>

namespace px::x86::acpi {
namespace {

constexpr unsigned max_tables = 64;
constexpr u32 max_table_bytes = 1u << 20;

struct {
    Paddr rsdp = Paddr::invalid();
    const u8* tables[max_tables];
    unsigned table_count = 0;
    Topology topology;
    FixedHardware fixed;
    PciSegment segments[16];
    unsigned segment_count = 0;
} state;

const u8* map(Paddr address, u64 bytes) { return static_cast<const u8*>(map_device(address, bytes)); }

/// Looks for the root pointer in [start, end), on 16-byte boundaries.
bool scan(u64 start, u64 end) {
    const u8* bytes = map(Paddr(start), end - start);
    for (u64 at = 0; at + 20 <= end - start; at += 16) {
        if (std::memcmp(bytes + at, "RSD PTR ", 8) != 0 || !checksum_ok(bytes + at, 20)) continue;
        state.rsdp = Paddr(start + at);
        return true;
    }
    return false;
}

bool find_root() {
    if (boot_info.rsdp.is_valid()) {
        state.rsdp = boot_info.rsdp;
        return true;
    }
    const u64 ebda = u64{*reinterpret_cast<const u16*>(map(Paddr(0x40e), 2))} << 4;
    if (ebda >= 0x80000 && ebda < 0xa0000 && scan(ebda, ebda + 1024)) return true;
    return scan(0xe0000, 0x100000);
}

void add_table(Paddr address) {
    if (address.raw() == 0 || state.table_count == max_tables) return;
    const auto header = read_at<Header>(map(address, sizeof(Header)), 0, sizeof(Header));
    if (header.length < sizeof(Header) || header.length > max_table_bytes) return;
    const u8* table = map(address, header.length);
    if (!checksum_ok(table, header.length)) {
        log::warning("ACPI: table {} has a bad checksum, ignored", std::string_view(header.signature, 4));
        return;
    }
    state.tables[state.table_count++] = table;
}

void read_root() {
    const auto root = read_at<RootPointer>(map(state.rsdp, sizeof(RootPointer)), 0, sizeof(RootPointer));
    const bool wide = root.revision >= 2 && root.xsdt != 0;
    const Paddr list(wide ? root.xsdt : root.rsdt);
    const u32 length = std::min(read_at<Header>(map(list, sizeof(Header)), 0, sizeof(Header)).length, max_table_bytes);
    const u8* table = map(list, length);
    const u32 entry = wide ? 8 : 4;
    for (u32 at = sizeof(Header); at + entry <= length; at += entry)
        add_table(Paddr(wide ? read_at<u64>(table, at, length) : read_at<u32>(table, at, length)));
}

u32 length_of(const void* table) { return read_at<Header>(static_cast<const u8*>(table), 0, sizeof(Header)).length; }

Register io_register(u32 old_form, const GenericAddress& form, u8 bytes) {
    if (form.address != 0) return {form.address, form.space == 0, form.bits};
    return {old_form, false, static_cast<u8>(bytes * 8)};
}

void read_fadt() {
    const auto* table = static_cast<const u8*>(find_table("FACP"));
    if (!table) return;
    const auto f = read_at<Fadt>(table, 0, length_of(table));
    FixedHardware& x = state.fixed;
    x.pm1a_event = io_register(f.pm1a_event, f.x_pm1a_event, f.pm1_event_length);
    x.pm1b_event = io_register(f.pm1b_event, f.x_pm1b_event, f.pm1_event_length);
    x.pm1a_control = io_register(f.pm1a_control, f.x_pm1a_control, f.pm1_control_length);
    x.pm1b_control = io_register(f.pm1b_control, f.x_pm1b_control, f.pm1_control_length);
    x.pm_timer = io_register(f.pm_timer, f.x_pm_timer, f.pm_timer_length);
    x.has_reset = (f.flags & fadt_reset_supported) != 0;
    x.reset = {f.reset.address, f.reset.space == 0, f.reset.bits};
    x.reset_value = f.reset_value;
    x.is_pm_timer_32bit = (f.flags & fadt_pm_timer_32bit) != 0;
    x.facs = f.x_facs ? f.x_facs : f.facs;
    x.dsdt = f.x_dsdt ? f.x_dsdt : f.dsdt;
    x.century_register = f.century;
    x.sci_interrupt = f.sci;
}

void read_mcfg() {
    const auto* table = static_cast<const u8*>(find_table("MCFG"));
    if (!table) return;
    const u32 length = length_of(table);
    for (u32 at = sizeof(Header) + 8;
         at + sizeof(McfgEntry) <= length && state.segment_count < std::size(state.segments); at += sizeof(McfgEntry)) {
        const auto e = read_at<McfgEntry>(table, at, length);
        state.segments[state.segment_count++] = {e.address, e.segment, e.first_bus, e.last_bus};
    }
}

/// The boot CPU becomes number 0.
void boot_cpu_first() {
    const u32 boot_id = leaf_1b::ApicId::of(cpuid_word<Leaf1B>());
    Topology& t = state.topology;
    for (unsigned i = 1; i < t.cpu_count; ++i)
        if (t.cpus[i].apic_id == boot_id) std::rotate(t.cpus, t.cpus + i, t.cpus + i + 1);
    if (t.cpu_count == 0) t.cpus[t.cpu_count++] = {boot_id, 0};
}

} // namespace

std::span<const Cpu> cpus() { return {state.topology.cpus, state.topology.cpu_count}; }
std::span<const IoApic> io_apics() { return {state.topology.io_apics, state.topology.io_apic_count}; }
std::span<const InterruptOverride> overrides() { return {state.topology.overrides, state.topology.override_count}; }
std::span<const PciSegment> pci_segments() { return {state.segments, state.segment_count}; }
const FixedHardware& fixed_hardware() { return state.fixed; }
Paddr local_apic_address() { return Paddr(state.topology.local_apic); }
Paddr rsdp() { return state.rsdp; }

const void* find_table(const char (&signature)[5]) {
    for (unsigned i = 0; i < state.table_count; ++i)
        if (std::memcmp(state.tables[i], signature, 4) == 0) return state.tables[i];
    return nullptr;
}

} // namespace px::x86::acpi

void px::x86::init_acpi() {
    using namespace acpi;
    if (find_root()) read_root();
    else log::warning("ACPI: no root pointer; one CPU and no I/O APIC");
    if (const auto* madt = static_cast<const u8*>(find_table("APIC"))) read_madt(madt, length_of(madt), state.topology);
    boot_cpu_first();
    read_fadt();
    read_mcfg();
    if (const auto* table = static_cast<const u8*>(find_table("HPET")))
        state.fixed.hpet = read_at<Hpet>(table, 0, length_of(table)).address.address;
    log::info("ACPI: {} CPUs, {} I/O APICs, {} tables", state.topology.cpu_count, state.topology.io_apic_count,
              state.table_count);
    if (state.topology.dropped != 0)
        log::warning("ACPI: {} MADT entries beyond what is supported", state.topology.dropped);
}
