// SPDX-License-Identifier: Apache-2.0
// Firmware information for dom0.
#include "x86/hypercall/platform_firmware.hpp"

#include "boot/efi_map.hpp"
#include "domain/guest_pointer.hpp"
#include "x86/machine/firmware/efi_runtime.hpp"
#include "x86/machine/firmware/efi_tables.hpp"

#include <algorithm>

namespace px::x86::platform {
namespace {

/// The descriptor that holds mem.addr; mem.size is cut to its end.
Result<> memory_info(abi::PlatformEfiInfo& info) {
    const EfiRegion* region = efi::region_of(info.mem.addr);
    if (!region) return fail(Error::Search);
    info.mem.size = std::min<u64>(info.mem.size, region->end() - info.mem.addr);
    info.mem.attr = region->attributes;
    info.mem.type = region->type;
    return {};
}

Result<> efi_info(abi::PlatformFirmwareInfo& op) {
    const efi::Firmware* firmware = efi::firmware();
    if (!firmware) return fail(Error::NoSys);
    abi::PlatformEfiInfo& info = op.u.efi_info;
    switch (static_cast<abi::FirmwareEfiIndex>(op.index)) {
    case abi::FirmwareEfiIndex::Version: info.version = firmware->version; return {};
    case abi::FirmwareEfiIndex::ConfigTable:
        info.cfg.addr = firmware->tables;
        info.cfg.nent = firmware->table_count;
        return {};
    case abi::FirmwareEfiIndex::Vendor: {
        info.vendor.revision = firmware->revision;
        const u32 room = info.vendor.bufsz / sizeof(u16);
        if (room == 0) return {};
        const u32 count = std::min<u32>(room, efi::Firmware::most_characters + 1);
        TRY(GuestPointer<u16>(info.vendor.name.address).write_array(firmware->vendor, count));
        return room < efi::Firmware::most_characters + 1
                   ? GuestPointer<u16>(info.vendor.name.address).write(0, count - 1)
                   : Result<>{};
    }
    case abi::FirmwareEfiIndex::RtVersion:
        if (!efi::has_runtime_services()) return fail(Error::NotSupported);
        info.version = efi::runtime_revision();
        return {};
    case abi::FirmwareEfiIndex::MemInfo: return memory_info(info);
    case abi::FirmwareEfiIndex::PciRom: return fail(Error::Search);
    case abi::FirmwareEfiIndex::AppleProperties: return fail(Error::NoData);
    default: return fail(Error::Invalid);
    }
}

} // namespace

Result<> firmware_info(abi::PlatformFirmwareInfo& op) {
    switch (static_cast<abi::FirmwareInfoType>(op.type)) {
    case abi::FirmwareInfoType::DiskInfo:
    case abi::FirmwareInfoType::DiskMbrSignature:
    case abi::FirmwareInfoType::VbeddcInfo: return fail(Error::Search); // the boot code makes no BIOS calls
    case abi::FirmwareInfoType::EfiInfo: return efi_info(op);
    case abi::FirmwareInfoType::KbdShiftFlags: {
        if (op.index != 0) return fail(Error::Search);
        op.u.kbd_shift_flags = 0;
        return {};
    }
    default: return fail(Error::Invalid);
    }
}

} // namespace px::x86::platform
