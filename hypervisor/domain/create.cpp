// SPDX-License-Identifier: Apache-2.0
// A domain's beginning: configuration checks, its common parts, its vCPUs.
#include "domain/create.hpp"

#include "base/log.hpp"
#include "domain/event/channels.hpp"
#include "domain/grant/limits.hpp"
#include "domain/grant/table.hpp"
#include "domain/kind.hpp"
#include "domain/rangeset.hpp"
#include "domain/run/schedule.hpp"
#include "domain/system_domain.hpp"
#include "domain/time.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"
#include "memory/shared_page.hpp"

#include <cstring>

namespace px {

namespace {

/// What createdomain may ask for, whatever the kind, which checks its own flags.
Result<> check_configuration(const abi::DomctlCreateDomain& config) {
    if ((config.flags & ~abi::cdf_all) != 0) return fail(Error::Invalid);
    if ((config.flags & abi::cdf_iommu) == 0 && config.iommu_opts != 0) return fail(Error::Invalid);
    // There is no driver of an IOMMU.
    if ((config.flags & abi::cdf_iommu) != 0) return fail(Error::Invalid);
    if (config.max_vcpus < 1 || config.max_vcpus > max_vcpus_per_domain) return fail(Error::Invalid);
    if (config.vmtrace_size != 0) return fail(Error::Invalid);
    if (config.cpupool_id != 0) return fail(Error::Search);
    const u32 grant_version = config.grant_opts & abi::grant_version_mask;
    if ((config.grant_opts & ~abi::grant_version_mask) != 0 || grant_version == 0 ||
        grant_version > grant::limits().max_version)
        return fail(Error::Invalid);
    return {};
}

/// Negative: the default. Errors: Invalid above the default, which is also the limit.
Result<u32> limit_or_default(s32 wanted, s32 usual) {
    if (wanted > usual) return fail(Error::Invalid);
    return static_cast<u32>(wanted < 0 ? usual : wanted);
}

Result<> make_resources(Domain& domain) {
    domain.io_memory = make<RangeSet>();
    domain.io_ports = make<RangeSet>();
    domain.irqs = make<RangeSet>();
    if (!domain.io_memory || !domain.io_ports || !domain.irqs) return fail(Error::NoMemory);
    return {};
}

Result<Domain*> make_of_kind(DomId id, const abi::DomctlCreateDomain& config) {
    const GuestKind* const kind = kind_for(config.flags);
    return kind ? kind->make(id, config) : fail(Error::Invalid);
}

abi::VcpuInfo* first_info(Domain& domain, VcpuId number) {
    if (number.raw() < abi::legacy_max_vcpus) return &domain.shared_info->vcpu_info[number.raw()];
    return nullptr;
}

} // namespace

Result<> make_domain_parts(Domain& domain) {
    const u32 vcpu_count = domain.config.max_vcpus;
    domain.vcpus = static_cast<Vcpu**>(heap::allocate_bytes(vcpu_count * sizeof(Vcpu*)));
    if (!domain.vcpus) return fail(Error::NoMemory);
    domain.max_vcpus = vcpu_count;
    constexpr u64 frames_per_word = 64 * Domain::frames_per_region;
    const u64 words = max_frame.raw() / frames_per_word + 1;
    domain.owned_regions = static_cast<std::atomic<u64>*>(heap::allocate_bytes(words * sizeof(u64)));
    if (!domain.owned_regions) return fail(Error::NoMemory);
    domain.shared_info = static_cast<abi::SharedInfo*>(allocate_shared_page(domain.id));
    if (!domain.shared_info) return fail(Error::NoMemory);
    TRY(make_resources(domain));
    TRY(event::init(domain));
    const u32 grant_frames = TRY(limit_or_default(domain.config.max_grant_frames, grant::limits().max_frames));
    const u32 maptrack_frames =
        TRY(limit_or_default(domain.config.max_maptrack_frames, grant::limits().max_maptrack_frames));
    return grant::init(domain, grant_frames, maptrack_frames, domain.config.grant_opts & abi::grant_version_mask);
}

Result<Domain*> create_domain(u16 wanted, const abi::DomctlCreateDomain& config, bool privileged) {
    TRY(check_configuration(config));
    const DomId id = TRY(reserve_domain_id(wanted));
    Result<Domain*> made = make_of_kind(id, config);
    if (!made) {
        cancel_domain_id(id);
        return fail(made.error());
    }
    Domain& domain = **made;
    domain.config = config;
    std::memcpy(domain.handle, config.handle, sizeof(domain.handle));
    domain.is_privileged = privileged;
    domain.is_hardware_domain = privileged && id.raw() == 0;
    domain.is_xenstore_domain = (config.flags & abi::cdf_xs_domain) != 0;
    // New domains start paused; who builds them unpauses them.
    domain.controller_paused = 1;
    domain.pause_count = 1;
    if (Result<> parts = make_domain_parts(domain); !parts) {
        // Not on the list before it is whole: nobody asks a domain that he finds there whether it has all its parts.
        domain.life = DomainLife::Dead;
        release_domain(domain);
        return fail(parts.error());
    }
    write_wall_clock(domain);
    insert_domain(domain);
    return &domain;
}

Result<Vcpu*> create_vcpu(Domain& domain, VcpuId number) {
    if (number.raw() >= domain.max_vcpus) return fail(Error::Invalid);
    if (domain.vcpus[number.raw()]) return fail(Error::Exists);
    Vcpu* vcpu = TRY(domain.make_vcpu(number));
    vcpu->hard_affinity.set_first(max_cpus);
    vcpu->soft_affinity.set_first(max_cpus);
    // Beyond the places in shared info: nowhere that the guest sees, until it registers one.
    abi::VcpuInfo* info = first_info(domain, number);
    vcpu->hidden_info = info ? nullptr : make<abi::VcpuInfo>();
    vcpu->info = info ? info : vcpu->hidden_info;
    vcpu->processor = static_cast<u32>((domain.id.raw() + number.raw()) % machine::cpu_count());
    Result<> added = vcpu->info ? schedule::add_vcpu(*vcpu) : fail(Error::NoMemory);
    if (!added) {
        if (vcpu->hidden_info) heap::free_bytes(vcpu->hidden_info);
        destroy(vcpu);
        return fail(added.error());
    }
    write_time_info(*vcpu);
    // Release: who finds it by number, without a lock, finds it whole.
    std::atomic_ref<Vcpu*>(domain.vcpus[number.raw()]).store(vcpu, std::memory_order_release);
    return vcpu;
}

void init_domains() {
    init_domain_list();
    (void)system_domain(abi::domid_idle);
    (void)system_domain(abi::domid_xen);
    (void)system_domain(abi::domid_io);
}

} // namespace px
