// SPDX-License-Identifier: Apache-2.0
// Domains with their names.
#include "domain/domains.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace domain {

config::Uuid Listed::uuid() const {
    config::Uuid uuid;
    std::copy(std::begin(info.handle), std::end(info.handle), uuid.bytes.begin());
    return uuid;
}

int shutdown_reason(const xen::DomainInfo& info) {
    if (!(info.flags & (abi::dominf_shutdown | abi::dominf_dying))) return -1;
    return static_cast<int>(info.flags >> abi::dominf_shutdown_shift & abi::dominf_shutdown_mask);
}

int Listed::reason() const { return shutdown_reason(info); }

std::string Listed::state() const {
    // One for each reason of abi::ShutdownReason; a guest may give any number.
    constexpr std::string_view letters = "-rscwS";
    int why = reason();
    char ended = '-';
    if (why >= 0) ended = why < static_cast<int>(letters.size()) ? letters[static_cast<std::size_t>(why)] : '?';
    return {has(abi::dominf_running) ? 'r' : '-',
            has(abi::dominf_blocked) ? 'b' : '-',
            has(abi::dominf_paused) ? 'p' : '-',
            has(abi::dominf_shutdown) ? 's' : '-',
            ended,
            has(abi::dominf_dying) ? 'd' : '-'};
}

Result<std::vector<Listed>> list(Session& session, const std::vector<std::string>& words) {
    std::vector<Listed> out;
    if (words.empty()) {
        for (auto& info : TRY(or_fail(xen::list_domains(*TRY(session.xen())), "cannot list the domains")))
            out.push_back({info, {}});
    } else {
        for (auto& word : words) out.push_back({TRY(session.info(TRY(session.find(word)))), {}});
    }
    std::vector<std::string> paths;
    for (auto& entry : out) paths.push_back(path_of(entry.id()) + "/name");
    auto names = TRY(or_fail(TRY(session.store())->get_all(paths), "cannot read the domains' names"));
    for (std::size_t i = 0; i < out.size(); ++i) out[i].name = names[i].value_or("");
    return out;
}

std::string_view scheduler_name(abi::SchedulerId scheduler) {
    switch (scheduler) {
    case abi::SchedulerId::Credit: return "credit";
    case abi::SchedulerId::Credit2: return "credit2";
    case abi::SchedulerId::Arinc653: return "arinc653";
    case abi::SchedulerId::Rtds: return "rtds";
    case abi::SchedulerId::Null: return "null";
    }
    return "unknown";
}

config::CpuSet to_set(const xen::Bitmap& map) {
    config::CpuSet set;
    for (std::size_t i = 0; i < map.size() * 8 && i < config::max_cpus; ++i)
        if (map[i / 8] & (1u << i % 8)) set.set(i);
    return set;
}

xen::Bitmap to_bitmap(const config::CpuSet& set, unsigned bits) {
    xen::Bitmap map((bits + 63) / 64 * 8);
    for (std::size_t i = 0; i < map.size() * 8 && i < config::max_cpus; ++i)
        if (set[i]) map[i / 8] = static_cast<std::uint8_t>(map[i / 8] | 1u << i % 8);
    return map;
}

namespace {

Result<std::vector<config::CpuSet>> resolve(xen::Control& control, const std::vector<std::string>& texts, bool per_vcpu,
                                            unsigned vcpus) {
    std::vector<config::CpuSet> out;
    if (texts.empty()) return out;
    auto host = TRY(or_fail(xen::physical_info(control), "cannot examine the host"));
    auto cpus = std::min<std::size_t>(host.max_cpu_id + 1, config::max_cpus);
    auto topology = TRY(or_fail(xen::cpu_topology(control, host.max_cpu_id + 1), "cannot read the CPU topology"));
    auto nodes = [&](unsigned node) -> Result<config::CpuSet> {
        config::CpuSet set;
        for (std::size_t i = 0; i < topology.size() && i < config::max_cpus; ++i)
            if (topology[i].core != abi::invalid_core_id && topology[i].node == node) set.set(i);
        return set;
    };
    for (unsigned vcpu = 0; vcpu < vcpus; ++vcpu) {
        if (per_vcpu && vcpu >= texts.size()) break;
        auto set = TRY(config::parse_cpus(texts[per_vcpu ? vcpu : 0], nodes));
        out.push_back(set & config::CpuSet().set() >> (config::max_cpus - cpus));
    }
    return out;
}

} // namespace

Result<void> resolve_affinity(Session& session, config::DomainConfig& config) {
    if (config.cpus.empty() && config.cpus_soft.empty()) return {};
    auto& control = *TRY(session.xen());
    config.hard_affinity = TRY(resolve(control, config.cpus, config.cpus_per_vcpu, config.max_vcpus));
    config.soft_affinity = TRY(resolve(control, config.cpus_soft, config.cpus_soft_per_vcpu, config.max_vcpus));
    return {};
}

} // namespace domain
