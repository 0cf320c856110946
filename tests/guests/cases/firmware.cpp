// SPDX-License-Identifier: Apache-2.0
// EFI through the hypervisor. Started by BIOS there is none; tests/guests/test_firmware.py starts the same cases by
// EFI.
#include "abi/platform.hpp"
#include "lib/micro.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {

constexpr u64 efi_not_found = u64{1} << 63 | 14, efi_buffer_too_small = u64{1} << 63 | 5;
constexpr abi::PlatformEfiGuid vendor = {0x11223344, 0x5566, 0x7788, {1, 2, 3, 4, 5, 6, 7, 8}};
/// Only variables that last can be made after boot.
constexpr u32 everywhere =
    abi::efi_variable_non_volatile | abi::efi_variable_bootservice_access | abi::efi_variable_runtime_access;
/// "Micro", as the firmware wants names.
u16 name[] = {'M', 'i', 'c', 'r', 'o', 0};

abi::PlatformRequest request;
abi::PlatformEfiRuntimeCall& efi = request.u.efi_runtime_call;

long runtime_call(abi::EfiFunction function, u32 misc = 0) {
    request.cmd = static_cast<u32>(abi::PlatformOp::EfiRuntimeCall);
    request.interface_version = abi::platform_interface_version;
    efi.function = static_cast<u32>(function);
    efi.misc = misc;
    efi.status = 0;
    return call(Hypercall::PlatformOp, &request);
}

long firmware_info(abi::FirmwareEfiIndex index) {
    request.cmd = static_cast<u32>(abi::PlatformOp::FirmwareInfo);
    request.interface_version = abi::platform_interface_version;
    request.u.firmware_info.type = static_cast<u32>(abi::FirmwareInfoType::EfiInfo);
    request.u.firmware_info.index = static_cast<u32>(index);
    return call(Hypercall::PlatformOp, &request);
}

bool has_efi() {
    memset(&request, 0, sizeof request);
    return firmware_info(abi::FirmwareEfiIndex::Version) == 0;
}

void name_variable(void* data, u64 size) {
    memset(&request, 0, sizeof request);
    efi.u.get_variable.name.address = reinterpret_cast<u64>(name);
    efi.u.get_variable.data.address = reinterpret_cast<u64>(data);
    efi.u.get_variable.size = size;
    efi.u.get_variable.vendor_guid = vendor;
}

u64 set(void* data, u64 size, u32 attributes = everywhere) {
    name_variable(data, size);
    CHECK_IS(runtime_call(abi::EfiFunction::SetVariable, attributes), 0);
    return efi.status;
}

u64 get(void* data, u64 size) {
    name_variable(data, size);
    CHECK_IS(runtime_call(abi::EfiFunction::GetVariable), 0);
    return efi.status;
}

} // namespace

MICRO_CASE(efi_calls_without_efi) {
    if (has_efi()) return;
    CHECK_IS(firmware_info(abi::FirmwareEfiIndex::Version), error(Errno::NoSys));
    CHECK_IS(runtime_call(abi::EfiFunction::GetTime), error(Errno::NoSys));
    CHECK_IS(runtime_call(abi::EfiFunction::GetVariable), error(Errno::NoSys));
}

MICRO_CASE(efi_variables_are_written_and_read) {
    if (!has_efi()) return;
    char text[] = "some bytes", back[32] = {};
    CHECK_IS(set(text, sizeof text), 0);
    CHECK_IS(get(back, sizeof back), 0);
    CHECK_IS(efi.u.get_variable.size, sizeof text);
    CHECK_IS(efi.misc, everywhere);
    bool same = true;
    for (unsigned i = 0; i < sizeof text; ++i) same = same && back[i] == text[i];
    CHECK(same);
    CHECK_IS(get(back, 3), efi_buffer_too_small);
    CHECK_IS(efi.u.get_variable.size, sizeof text);
    CHECK_IS(get(nullptr, 0), efi_buffer_too_small);
    CHECK_IS(set(text, 0), 0); // no data: it is deleted
    CHECK_IS(get(back, sizeof back), efi_not_found);
}

MICRO_CASE(efi_variables_are_listed) {
    if (!has_efi()) return;
    char text[] = "x";
    CHECK_IS(set(text, sizeof text), 0);
    memset(&request, 0, sizeof request);
    u16* found = static_cast<u16*>(new_page());
    auto& next = efi.u.get_next_variable_name;
    bool seen = false;
    for (unsigned n = 0; n < 500; ++n) {
        next.size = 1024;
        next.name.address = reinterpret_cast<u64>(found);
        if (runtime_call(abi::EfiFunction::GetNextVariableName) != 0 || efi.status != 0) break;
        bool same = next.vendor_guid.data1 == vendor.data1;
        for (unsigned i = 0; same && i < 6; ++i) same = found[i] == name[i];
        seen = seen || same;
    }
    CHECK(seen);
    CHECK_IS(efi.status, efi_not_found); // the end of the list
    CHECK_IS(set(text, 0), 0);
}

MICRO_CASE(efi_calls_check_what_they_are_given) {
    if (!has_efi()) return;
    char data[16] = {};
    const u64 hypervisor_address = 0xffff830000000000;
    name_variable(data, sizeof data);
    efi.u.get_variable.name.address = hypervisor_address;
    CHECK_IS(runtime_call(abi::EfiFunction::GetVariable), error(Errno::Fault));
    CHECK_IS(runtime_call(abi::EfiFunction::SetVariable, everywhere), error(Errno::Fault));
    name_variable(data, sizeof data);
    efi.u.get_variable.data.address = hypervisor_address;
    CHECK_IS(runtime_call(abi::EfiFunction::SetVariable, everywhere), error(Errno::Fault));
    name_variable(data, sizeof data);
    CHECK_IS(runtime_call(abi::EfiFunction::GetVariable, 1), error(Errno::Invalid));
    name_variable(data, ~u64{0});
    CHECK_IS(runtime_call(abi::EfiFunction::SetVariable, everywhere), error(Errno::NoMemory));
    CHECK_IS(runtime_call(abi::EfiFunction::GetTime, 1), error(Errno::Invalid));
    CHECK_IS(runtime_call(abi::EfiFunction::SetTime, 1), error(Errno::Invalid));
    CHECK_IS(runtime_call(abi::EfiFunction::GetWakeupTime, 1), error(Errno::Invalid));
    CHECK_IS(runtime_call(abi::EfiFunction::SetWakeupTime, 4), error(Errno::Invalid));
    CHECK_IS(runtime_call(abi::EfiFunction::QueryVariableInfo, 2), error(Errno::Invalid));
    CHECK_IS(runtime_call(abi::EfiFunction::QueryCapsuleCapabilities), error(Errno::NoSys));
    CHECK_IS(runtime_call(abi::EfiFunction::UpdateCapsule), error(Errno::NoSys));
    CHECK_IS(runtime_call(static_cast<abi::EfiFunction>(77)), error(Errno::NoSys));
}

MICRO_CASE(efi_tells_time_and_storage) {
    if (!has_efi()) return;
    memset(&request, 0, sizeof request);
    CHECK_IS(runtime_call(abi::EfiFunction::GetTime), 0);
    CHECK_IS(efi.status, 0);
    CHECK(efi.u.get_time.time.year >= 2020 && efi.u.get_time.time.year < 2100);
    CHECK(efi.u.get_time.time.month >= 1 && efi.u.get_time.time.month <= 12);
    const abi::PlatformEfiTime now = efi.u.get_time.time;
    efi.u.set_time = now;
    CHECK_IS(runtime_call(abi::EfiFunction::SetTime), 0);
    CHECK_IS(efi.status, 0);
    efi.u.set_time = now;
    efi.u.set_time.month = 13;
    CHECK_IS(runtime_call(abi::EfiFunction::SetTime), 0);
    CHECK_IS(efi.status, u64{1} << 63 | 2); // the firmware refuses it
    CHECK_IS(runtime_call(abi::EfiFunction::GetWakeupTime), 0);
    memset(&request, 0, sizeof request);
    efi.u.query_variable_info.attr = everywhere;
    CHECK_IS(runtime_call(abi::EfiFunction::QueryVariableInfo), 0);
    CHECK_IS(efi.status, 0);
    CHECK(efi.u.query_variable_info.max_store_size >= efi.u.query_variable_info.remain_store_size);
    CHECK(efi.u.query_variable_info.max_size != 0);
    CHECK_IS(runtime_call(abi::EfiFunction::GetNextHighMonotonicCount), 0);
    CHECK_IS(efi.status, 0);
}

MICRO_CASE(efi_describes_its_memory) {
    if (!has_efi()) return;
    abi::PlatformEfiInfo& info = request.u.firmware_info.u.efi_info;
    CHECK_IS(firmware_info(abi::FirmwareEfiIndex::RtVersion), 0);
    CHECK(info.version >= 2u << 16);
    CHECK_IS(firmware_info(abi::FirmwareEfiIndex::ConfigTable), 0);
    const u64 tables = info.cfg.addr;
    info.mem = {tables, 0x1000000, 0, 0};
    CHECK_IS(firmware_info(abi::FirmwareEfiIndex::MemInfo), 0);
    CHECK_IS(info.mem.type, 6); // the tables are runtime data
    CHECK(info.mem.attr >> 63);
    CHECK_IS(info.mem.addr, tables);
    CHECK(info.mem.size > 0 && info.mem.size < 0x1000000);
    info.mem = {u64{1} << 51, 1, 0, 0};
    CHECK_IS(firmware_info(abi::FirmwareEfiIndex::MemInfo), error(Errno::Search));
}
