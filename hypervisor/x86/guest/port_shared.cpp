// SPDX-License-Identifier: Apache-2.0
// Ports of devices that the hypervisor drives too: PCI configuration mechanism 1, CMOS clock, speaker timer.
#include "x86/arch/msr.hpp"
#include "x86/guest/port.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/pci/msi.hpp"
#include "x86/machine/pci/port_lock.hpp"

namespace px::guest {

namespace {

constexpr u16 pci_address_port = 0xcf8, pci_data_port = 0xcfc;
constexpr u16 cmos_index = 0x70, cmos_data = 0x71;
constexpr u16 pit_channel2 = 0x42, pit_command = 0x43, speaker = 0x61;
constexpr u32 pci_enable = 1u << 31;

/// Guards the index-and-data pairs against each other's users, the hypervisor's drivers included.
using PortPair = IrqGuard<SpinLock<LockRank::Machine>>;

bool is_pci(u16 port) { return port >= pci_address_port && port < pci_data_port + 4; }

/// Bytes of devices that are dom0's. The CMOS clock can be another domain's too, but directly nobody's: the hypervisor
/// reads it, and its index has a bit that switches NMIs off.
bool is_of_shared_device(const X86Domain& domain, u16 port, unsigned bytes) {
    if (bytes != 1) return false;
    const bool is_cmos = port == cmos_index || port == cmos_data;
    return domain.is_hardware_domain || (is_cmos && has_port_permission(domain, port, 1));
}
u32 all_ones(unsigned bytes) { return bytes == 4 ? ~0u : (1u << bytes * 8) - 1; }

/// Bits 24 to 27 of the address name registers from 256 on where the CPU takes them so (BKDG of family 10h, D18F3x8C
/// bit 14, which is NB_CFG's bit 46); everywhere else they mean nothing.
bool is_extended(u32 address) {
    constexpr u32 upper = 0x0f000000;
    constexpr u64 enabled = u64{1} << 46;
    const auto& cpu = x86::cpu_features;
    if ((address & upper) == 0 || cpu.vendor != x86::Vendor::Amd || cpu.family < 0x10 || cpu.family > 0x16)
        return false;
    u64 value;
    return x86::rdmsr_safe(x86::Msr::NbCfg, value) && (value & enabled) != 0;
}
u32 read_pci(const X86Domain& domain, u16 port, unsigned bytes) {
    if (port < pci_data_port) {
        if (bytes == 4 && port == pci_address_port) return domain.pci_address;
        return all_ones(bytes);
    }
    if (!domain.is_hardware_domain || !(domain.pci_address & pci_enable)) return all_ones(bytes);
    const PortPair guard(x86::port_pair_lock);
    x86::out32(pci_address_port, domain.pci_address);
    switch (bytes) {
    case 1: return x86::in8(port);
    case 2: return x86::in16(port);
    default: return x86::in32(port);
    }
}

void write_pci(X86Domain& domain, u16 port, unsigned bytes, u32 value) {
    if (port < pci_data_port) {
        if (bytes == 4 && port == pci_address_port) domain.pci_address = value;
        return;
    }
    if (!domain.is_hardware_domain || !(domain.pci_address & pci_enable)) return;
    const u32 address = domain.pci_address, byte = port & 3;
    // Registers of AMD's extension have nothing to do with messages.
    if (!is_extended(address)) {
        if (byte % bytes != 0) return; // across registers, or beyond the port: no driver writes so
        const x86::pci::Address device{0, static_cast<u8>(address >> 16), static_cast<u8>(address >> 8)};
        x86::msi::write_config_for_domain({device, (address & 0xfc) + byte}, bytes, value);
        return;
    }
    const PortPair guard(x86::port_pair_lock);
    x86::out32(pci_address_port, domain.pci_address);
    switch (bytes) {
    case 1: x86::out8(port, static_cast<u8>(value)); break;
    case 2: x86::out16(port, static_cast<u16>(value)); break;
    default: x86::out32(port, value); break;
    }
}

} // namespace

bool read_shared_device(X86Domain& domain, u16 port, unsigned bytes, u32& value) {
    if (is_pci(port)) {
        value = read_pci(domain, port, bytes);
        return true;
    }
    if (!is_of_shared_device(domain, port, bytes)) return false;
    switch (port) {
    case cmos_index: value = domain.cmos_index; return true;
    case cmos_data: {
        const PortPair guard(x86::port_pair_lock);
        x86::out8(cmos_index, domain.cmos_index & 0x7f);
        value = x86::in8(cmos_data);
        return true;
    }
    case pit_channel2:
    case speaker: value = x86::in8(port); return true;
    default: return false;
    }
}

bool write_shared_device(X86Domain& domain, u16 port, unsigned bytes, u32 value) {
    if (is_pci(port)) {
        write_pci(domain, port, bytes, value);
        return true;
    }
    if (!is_of_shared_device(domain, port, bytes)) return false;
    switch (port) {
    case cmos_index: domain.cmos_index = static_cast<u8>(value); return true;
    case cmos_data: {
        const PortPair guard(x86::port_pair_lock);
        x86::out8(cmos_index, domain.cmos_index & 0x7f);
        x86::out8(cmos_data, static_cast<u8>(value));
        return true;
    }
    case pit_command:
        if (value >> 6 == 2) x86::out8(port, static_cast<u8>(value)); // channel 2 only
        return true;
    case pit_channel2: x86::out8(port, static_cast<u8>(value)); return true;
    case speaker: x86::out8(port, static_cast<u8>((x86::in8(port) & ~3u) | (value & 3))); return true;
    default: return false;
    }
}

} // namespace px::guest
