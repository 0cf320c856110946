// SPDX-License-Identifier: Apache-2.0
// ACPI tables, byte by byte. Sections are those of the ACPI specification 6.4.
#include "image/acpi.hpp"

#include <cstring>
#include <span>
#include <string_view>

namespace image {
namespace {

using Bytes = std::vector<std::uint8_t>;

template <class T> void put(Bytes& out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}

void put(Bytes& out, std::string_view text, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) out.push_back(i < text.size() ? static_cast<std::uint8_t>(text[i]) : ' ');
}

template <class T> void poke(Bytes& out, std::size_t at, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) out[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

/// Makes all bytes sum to zero.
void seal(std::span<std::uint8_t> table, std::size_t checksum_at) {
    table[checksum_at] = 0;
    std::uint8_t sum = 0;
    for (auto byte : table) sum = static_cast<std::uint8_t>(sum + byte);
    table[checksum_at] = static_cast<std::uint8_t>(-sum);
}

constexpr std::string_view maker = "PRXNS", product = "GUEST";
constexpr std::size_t header_bytes = 36, at_checksum = 9, at_flags = 112;

/// A table with its header (5.2.6); length and checksum are set here.
Bytes table(std::string_view signature, std::uint8_t revision, const Bytes& body) {
    Bytes out;
    put(out, signature, 4);
    put(out, static_cast<std::uint32_t>(header_bytes + body.size()));
    put(out, revision);
    put(out, std::uint8_t{0});
    put(out, maker, 6);
    put(out, product, 8);
    put(out, std::uint32_t{1});
    put(out, maker, 4);
    put(out, std::uint32_t{1});
    out.insert(out.end(), body.begin(), body.end());
    seal(out, at_checksum);
    return out;
}

/// PkgLength (20.2.4): counts itself; the first byte's top bits say how many more there are.
Bytes package(const Bytes& body) {
    Bytes out;
    auto length = body.size() + 1;
    if (length <= 0x3f) {
        put(out, static_cast<std::uint8_t>(length));
    } else {
        unsigned more = ++length <= 0xfff ? 1 : 2;
        length += more - 1;
        put(out, static_cast<std::uint8_t>(more << 6 | (length & 0xf)));
        for (unsigned i = 0; i < more; ++i) put(out, static_cast<std::uint8_t>(length >> (4 + 8 * i)));
    }
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

constexpr std::uint8_t name_op = 0x08, string_prefix = 0x0d, dword_prefix = 0x0c, scope_op = 0x10, ext_prefix = 0x5b,
                       device_op = 0x82, root_char = 0x5c;

/// Device (Cnnn) { Name (_HID, "ACPI0007") Name (_UID, uid) }, nnn the index in hexadecimal (8.4).
Bytes processor_device(std::size_t index, std::uint32_t uid) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    Bytes body{'C', static_cast<std::uint8_t>(digits[index >> 8 & 15]),
               static_cast<std::uint8_t>(digits[index >> 4 & 15]), static_cast<std::uint8_t>(digits[index & 15])};
    put(body, name_op);
    put(body, "_HID", 4);
    put(body, string_prefix);
    put(body, "ACPI0007", 8);
    put(body, std::uint8_t{0});
    put(body, name_op);
    put(body, "_UID", 4);
    put(body, dword_prefix);
    put(body, uid);
    Bytes out{ext_prefix, device_op};
    auto packed = package(body);
    out.insert(out.end(), packed.begin(), packed.end());
    return out;
}

/// Scope (\_SB) with a device for each processor.
Bytes make_dsdt(const std::vector<AcpiProcessor>& processors) {
    Bytes body{root_char};
    put(body, "_SB_", 4);
    for (std::size_t i = 0; i < processors.size(); ++i) {
        auto device = processor_device(i, processors[i].uid);
        body.insert(body.end(), device.begin(), device.end());
    }
    Bytes out{scope_op};
    auto packed = package(body);
    out.insert(out.end(), packed.begin(), packed.end());
    return table("DSDT", 2, out);
}

/// MADT (5.2.12): no 8259, no I/O APIC; a local APIC or local x2APIC structure for each processor.
Bytes make_madt(std::uint32_t lapic_address, const std::vector<AcpiProcessor>& processors) {
    Bytes body;
    put(body, lapic_address);
    put(body, std::uint32_t{0}); // PCAT_COMPAT is clear
    for (auto& processor : processors) {
        bool small = processor.apic_id < 255 && processor.uid < 255;
        put(body, std::uint8_t{small ? std::uint8_t{0} : std::uint8_t{9}});
        put(body, std::uint8_t{small ? std::uint8_t{8} : std::uint8_t{16}});
        if (small) {
            put(body, static_cast<std::uint8_t>(processor.uid));
            put(body, static_cast<std::uint8_t>(processor.apic_id));
            put(body, std::uint32_t{processor.enabled});
        } else {
            put(body, std::uint16_t{0});
            put(body, processor.apic_id);
            put(body, std::uint32_t{processor.enabled});
            put(body, processor.uid);
        }
    }
    return table("APIC", 5, body);
}

/// FADT (5.2.9), revision 6: hardware-reduced, no legacy devices, neither VGA nor a CMOS clock.
Bytes make_fadt(std::uint64_t dsdt) {
    constexpr std::size_t size = 276, at_dsdt = 40, at_boot_flags = 109, at_minor = 131, at_x_dsdt = 140;
    constexpr std::uint16_t no_vga = 1 << 2, no_cmos_clock = 1 << 5;
    constexpr std::uint32_t wbinvd = 1 << 0, power_button_is_no_register = 1 << 4, sleep_button_is_no_register = 1 << 5,
                            hardware_reduced = 1 << 20;
    auto out = table("FACP", 6, Bytes(size - header_bytes));
    poke(out, at_dsdt, static_cast<std::uint32_t>(dsdt));
    poke(out, at_boot_flags, static_cast<std::uint16_t>(no_vga | no_cmos_clock));
    poke(out, at_flags, wbinvd | power_button_is_no_register | sleep_button_is_no_register | hardware_reduced);
    poke(out, at_minor, std::uint8_t{4});
    poke(out, at_x_dsdt, dsdt);
    seal(out, at_checksum);
    return out;
}

/// RSDP (5.2.5.3): the first checksum covers its first 20 bytes.
Bytes make_rsdp(std::uint64_t xsdt) {
    constexpr std::size_t size = 36, first_part = 20, at_first = 8, at_extended = 32;
    Bytes out;
    put(out, "RSD PTR ", 8);
    put(out, std::uint8_t{0});
    put(out, maker, 6);
    put(out, std::uint8_t{2});
    put(out, std::uint32_t{0}); // there is no RSDT
    put(out, std::uint32_t{size});
    put(out, xsdt);
    put(out, std::uint32_t{0});
    seal(std::span(out).first(first_part), at_first);
    seal(out, at_extended);
    return out;
}

} // namespace

Bytes make_acpi_tables(std::uint64_t address, std::uint32_t lapic_address,
                       const std::vector<AcpiProcessor>& processors) {
    constexpr std::size_t rsdp_room = 64;
    Bytes out(rsdp_room);
    auto append = [&](const Bytes& part) {
        auto at = address + out.size();
        out.insert(out.end(), part.begin(), part.end());
        out.resize((out.size() + 15) & ~std::size_t{15});
        return at;
    };
    auto dsdt = append(make_dsdt(processors)), fadt = append(make_fadt(dsdt)),
         madt = append(make_madt(lapic_address, processors));
    Bytes pointers;
    put(pointers, fadt);
    put(pointers, madt);
    auto rsdp = make_rsdp(append(table("XSDT", 1, pointers)));
    std::memcpy(out.data(), rsdp.data(), rsdp.size());
    return out;
}

} // namespace image
