// SPDX-License-Identifier: Apache-2.0
#include "x86/machine/mca/report.hpp"

#include <cstring>

namespace px::x86::mca {
namespace {

u32 flags_of(const Record& r) {
    u32 flags = 0;
    switch (r.severity) {
    case Severity::None:
    case Severity::Corrected: flags = abi::mc_flag_correctable; break;
    case Severity::Fatal: flags = abi::mc_flag_uncorrectable; break;
    default: flags = abi::mc_flag_uncorrectable | abi::mc_flag_recoverable; break;
    }
    switch (r.finder) {
    case Finder::Exception: return flags | abi::mc_flag_mce;
    case Finder::Poll: return flags | abi::mc_flag_polled;
    case Finder::Reset: return flags | abi::mc_flag_reset;
    }
    return flags;
}

} // namespace

abi::McInfo compose(const Record& record, const Place& place, u16 owner) {
    abi::McInfo report{};
    abi::McinfoGlobal global{};
    global.common = {abi::mc_type_global, sizeof global};
    global.mc_domid = record.domain;
    global.mc_vcpuid = record.vcpu;
    global.mc_socketid = place.socket;
    global.mc_coreid = place.core;
    global.mc_apicid = place.apic_id;
    global.mc_flags = flags_of(record);
    global.mc_gstatus = record.global;
    abi::McinfoBank bank{};
    bank.common = {abi::mc_type_bank, sizeof bank};
    bank.mc_bank = static_cast<u16>(record.bank.number);
    bank.mc_domid = owner;
    bank.mc_status = record.bank.status;
    bank.mc_addr = record.bank.address;
    bank.mc_misc = record.bank.misc;
    bank.mc_tsc = record.time;
    report.mi_nentries = 2;
    auto* const data = reinterpret_cast<u8*>(report.mi_data);
    std::memcpy(data, &global, sizeof global);
    std::memcpy(data + sizeof global, &bank, sizeof bank);
    return report;
}

} // namespace px::x86::mca
