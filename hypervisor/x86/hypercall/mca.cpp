// SPDX-License-Identifier: Apache-2.0
// mca: reports of machine checks for dom0 (public/arch-x86/xen-mca.h), and xenpmu_op, which is off.
#include "abi/extra/mca.hpp"

#include "base/percpu.hpp"
#include "domain/guest_pointer.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"
#include "x86/hypercall/rows.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/interrupt/apic.hpp"
#include "x86/machine/mca/machine_check.hpp"

#include <algorithm>
#include <cstring>

namespace px::hypercall {
namespace {

/// Takes the oldest report, or says that an earlier one is not needed any more.
Result<> fetch(abi::McFetch& op) {
    namespace reports = x86::mca;
    const u32 urgency = op.flags & (abi::mc_nonurgent | abi::mc_urgent);
    if (urgency != abi::mc_nonurgent && urgency != abi::mc_urgent) return fail(Error::Invalid);
    const bool is_urgent = urgency == abi::mc_urgent;
    if (op.flags & abi::mc_ack) {
        reports::acknowledge(is_urgent, op.fetch_id);
        op.flags = abi::mc_ok;
        return {};
    }
    if (op.data.is_null()) return fail(Error::Invalid);
    abi::McInfo report;
    op.flags = abi::mc_nodata;
    op.fetch_id = 0;
    u64 number = 0;
    if (!reports::fetch(is_urgent, report, number)) return {};
    if (!GuestPointer<abi::McInfo>(op.data).write(report)) {
        reports::put_back(is_urgent, number);
        op.flags = abi::mc_fetchfailed;
        return {};
    }
    op.flags = abi::mc_ok;
    op.fetch_id = number;
    return {};
}

void describe(u32 cpu, abi::McinfoLogicalCpu& out) {
    const auto& f = x86::cpu_features;
    out = {};
    out.mc_cpunr = cpu;
    out.mc_apicid = x86::apic::id_of(CpuId(cpu));
    out.mc_chipid = 0;
    out.mc_coreid = static_cast<u16>(cpu);
    out.mc_ncores = out.mc_ncores_active = machine::cpu_count();
    out.mc_nthreads = 1;
    out.mc_cpuid_level = static_cast<s32>(f.max_leaf);
    out.mc_family = f.family;
    out.mc_model = f.model;
    out.mc_step = f.stepping;
    out.mc_vendor = static_cast<u32>(f.vendor);
    std::memcpy(out.mc_vendorid, f.vendor_name, std::min(sizeof out.mc_vendorid, sizeof f.vendor_name));
    std::memcpy(out.mc_brandid, f.brand, std::min(sizeof out.mc_brandid, sizeof f.brand));
    const x86::CpuidResult basic = x86::cpuid(1), extended = x86::cpuid(0x80000001);
    out.mc_cpu_caps[0] = basic.edx;
    out.mc_cpu_caps[1] = extended.edx;
    out.mc_cpu_caps[4] = basic.ecx;
    out.mc_cpu_caps[6] = extended.ecx;
    out.mc_cache_alignment = x86::leaf_1b::FlushUnits::of(basic.get<x86::Leaf1B>()) * 8;
    if (u64 value; x86::rdmsr_safe(x86::Msr::McgCap, value)) {
        out.mc_nmsrvals = 1;
        out.mc_msrvalues[0] = {number_of(x86::Msr::McgCap), value};
    }
}

Result<> list_cpus(abi::McPhyscpuinfo& op) {
    const u32 count = machine::cpu_count();
    if (op.info.is_null()) {
        op.ncpus = count;
        return {};
    }
    const u32 fitting = std::min(op.ncpus, count);
    auto* one = make<abi::McinfoLogicalCpu>();
    if (!one) return fail(Error::NoMemory);
    Result<> result;
    for (u32 cpu = 0; result && cpu < fitting; ++cpu) {
        describe(cpu, *one);
        result = GuestPointer<abi::McinfoLogicalCpu>(op.info).write(*one, cpu);
    }
    destroy(one);
    op.ncpus = fitting;
    return result;
}

Result<> perform(abi::McRequest& op) {
    switch (static_cast<abi::McCommand>(op.cmd)) {
    case abi::McCommand::Fetch: return fetch(op.u.mc_fetch);
    case abi::McCommand::PhysCpuInfo: return list_cpus(op.u.mc_physcpuinfo);
    case abi::McCommand::NotifyDomain: return fail(Error::Invalid);
    case abi::McCommand::MsrInject:
    case abi::McCommand::MceInject:
    case abi::McCommand::InjectV2: return fail(Error::NoSys);
    default: return fail(Error::Invalid);
    }
}

} // namespace

Outcome mca(Call& call) {
    if (!current_domain().is_privileged) return Outcome::error(Error::Perm);
    GuestPointer<abi::McRequest> pointer(call.args[0]);
    auto op = pointer.read();
    if (!op) return Outcome::of(fail(op.error()));
    if (op->interface_version != abi::mca_interface_version) return Outcome::error(Error::Access);
    const Result<> result = perform(*op);
    return Outcome::of(result ? pointer.write(*op) : result);
}

/// Virtual performance counters are off, as they are by default: every sub-operation says so.
Outcome xenpmu_op(Call&) { return Outcome::error(Error::NotSupported); }

} // namespace px::hypercall
