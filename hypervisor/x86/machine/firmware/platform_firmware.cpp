// SPDX-License-Identifier: Apache-2.0
// Firmware information for dom0.
#include "x86/machine/firmware/platform_firmware.hpp"

#include "domain/guest_pointer.hpp"
#include "x86/machine/firmware/efi_tables.hpp"

#include <algorithm>

namespace px::x86::platform {
namespace {

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
        return room < efi::Firmware::most_characters + 1 ? GuestPointer<u16>(info.vendor.name.address).write(0, count - 1)
                                                         : Result<>{};
    }
    case abi::FirmwareEfiIndex::RtVersion: return fail(Error::NotSupported); // no runtime services for dom0
    case abi::FirmwareEfiIndex::MemInfo:
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
