// SPDX-License-Identifier: Apache-2.0
// Domains with their names, as every listing needs them.
#pragma once

#include "config/domain_config.hpp"
#include "domain/session.hpp"
#include "xen/sysctl.hpp"

#include <string>
#include <vector>

namespace domain {

/// One domain of a listing.
struct Listed {
    xen::DomainInfo info{};
    std::string name; ///< empty where it has none
    DomId id() const { return {info.domain}; }
    config::Uuid uuid() const;
    bool has(std::uint32_t flag) const { return info.flags & flag; }
    /// Why it stopped (0 poweroff, 1 reboot, 2 suspend, 3 crash, 4 watchdog), or -1 while it runs.
    int reason() const;
    /// "r-----" and so on.
    std::string state() const;
    std::uint64_t memory_mib() const { return (info.tot_pages + info.outstanding_pages) >> 8; }
    double cpu_seconds() const { return static_cast<double>(info.cpu_time) / 1e9; }
};

/// Why a domain stopped, from its flags; -1 while it runs.
int shutdown_reason(const xen::DomainInfo& info);

/// All domains, or those that the words name.
Result<std::vector<Listed>> list(Session& session, const std::vector<std::string>& words = {});

/// Name of a scheduler as stock tools print it.
std::string_view scheduler_name(abi::SchedulerId scheduler);

/// A hypervisor bitmap as a set, and back (whole 64-bit words for `bits`).
config::CpuSet to_set(const xen::Bitmap& map);
xen::Bitmap to_bitmap(const config::CpuSet& set, unsigned bits);

/// The physical CPUs that a configuration gives its vCPUs, from its texts and this host's topology: hard_affinity and
/// soft_affinity are set.
Result<void> resolve_affinity(Session& session, config::DomainConfig& config);

} // namespace domain
