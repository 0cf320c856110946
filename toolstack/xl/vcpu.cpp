// SPDX-License-Identifier: Apache-2.0
// vcpu-list, vcpu-pin, vcpu-set.
#include "base/text.hpp"
#include "domain/domains.hpp"
#include "xl/json.hpp"
#include "xl/tune.hpp"

namespace xl {
namespace {

/// CPU ids and the nodes they belong to, for printing and reading affinities.
struct Host {
    unsigned ids = 0;
};

Result<Host> examine(xen::Control& control) {
    auto info = TRY(domain::or_fail(xen::physical_info(control), "cannot examine the host"));
    return Host{info.max_cpu_id + 1};
}

config::NodeCpus node_reader(xen::Control& control, Host host) {
    return [&control, host](unsigned node) -> Result<config::CpuSet> {
        auto cpus = TRY(domain::or_fail(xen::cpu_topology(control, host.ids), "cannot read the CPU topology"));
        config::CpuSet set;
        for (std::size_t i = 0; i < cpus.size() && i < config::max_cpus; ++i)
            if (cpus[i].core != abi::invalid_core_id && cpus[i].node == node) set.set(i);
        if (set.none()) return fail(fmt::format("the host has no NUMA node {}", node), "see xl info -n");
        return set;
    };
}

void print_vcpu(const domain::Listed& entry, const abi::DomctlGetVcpuInfo& vcpu, const std::string& hard,
                const std::string& soft) {
    out("{:<32} {:>5} {:>5} ", entry.name, entry.info.domain, vcpu.vcpu);
    if (vcpu.online) out("{:>4} {:>3}{}- ", vcpu.cpu, vcpu.running ? 'r' : '-', vcpu.blocked ? 'b' : '-');
    else out("{:>4} {:>3}{}p ", '-', '-', '-');
    out("{:>9.1f}  {} / {}\n", static_cast<double>(vcpu.cpu_time) / 1e9, hard, soft);
}

/// One domain's, into `rows` if there are any.
void list_vcpus(xen::Control& control, Host host, const domain::Listed& entry, Rows* rows) {
    for (unsigned i = 0; i <= entry.info.max_vcpu_id && entry.info.max_vcpu_id != abi::invalid_max_vcpu_id; ++i) {
        auto vcpu = xen::vcpu_info(control, entry.id(), i);
        auto affinity = xen::vcpu_affinity(control, entry.id(), i, host.ids);
        if (!vcpu || !affinity) continue; // the domain may be dying
        auto hard = config::print_cpus(domain::to_set(affinity->hard), host.ids);
        auto soft = config::print_cpus(domain::to_set(affinity->soft), host.ids);
        if (!rows) {
            print_vcpu(entry, *vcpu, hard, soft);
            continue;
        }
        rows->row().text("name", entry.name).number("domid", entry.info.domain).number("vcpu", i);
        rows->flag("online", vcpu->online).number("cpu", vcpu->cpu).flag("running", vcpu->running);
        rows->flag("blocked", vcpu->blocked).real("cpu_seconds", static_cast<double>(vcpu->cpu_time) / 1e9);
        rows->text("hard_affinity", hard).text("soft_affinity", soft);
    }
}

} // namespace

Result<int> run_vcpu_list(Context& context, const Words& words) {
    auto& control = *TRY(context.session.xen());
    auto host = TRY(examine(control));
    Rows rows;
    bool json = words.has('J');
    if (!json) // in front of what may fail, and so is all that stands before an unknown domain: as stock
        out("{:<32} {:>5} {:>5} {:>5} {:>5} {:>9} {}\n", "Name", "ID", "VCPU", "CPU", "State", "Time(s)",
            "Affinity (Hard / Soft)");
    if (words.words.empty())
        for (auto& entry : TRY(domain::list(context.session))) list_vcpus(control, host, entry, json ? &rows : nullptr);
    for (auto& word : words.words)
        for (auto& entry : TRY(domain::list(context.session, {word})))
            list_vcpus(control, host, entry, json ? &rows : nullptr);
    if (json) out("{}", rows.print());
    return exit_good;
}

Result<int> run_vcpu_pin(Context& context, const Words& words) {
    auto& control = *TRY(context.session.xen());
    auto info = TRY(context.session.info(TRY(context.session.find(words.words[0]))));
    auto host = TRY(examine(control));
    auto nodes = node_reader(control, host);
    bool every = words.words[1] == "all";
    auto vcpu = toolstack::to_unsigned(words.words[1]);
    if (!every && (!vcpu || *vcpu > info.max_vcpu_id))
        return fail(fmt::format("'{}' is not a virtual CPU of the domain", words.words[1]),
                    fmt::format("use 0 to {}, or all", info.max_vcpu_id));
    std::optional<xen::Bitmap> hard, soft;
    if (words.words[2] != "-") hard = domain::to_bitmap(TRY(config::parse_cpus(words.words[2], nodes)), host.ids);
    if (words.words.size() > 3 && words.words[3] != "-")
        soft = domain::to_bitmap(TRY(config::parse_cpus(words.words[3], nodes)), host.ids);
    if (!hard && !soft) return fail("neither hard nor soft affinity given");
    if (hard && !words.has('\1') && info.domain != 0) {
        auto allowed = TRY(TRY(context.session.settings())->allowed_cpus(!(info.flags & abi::dominf_hvm_guest)));
        hard = domain::to_bitmap(domain::to_set(*hard) & allowed, host.ids);
        if (domain::to_set(*hard).none())
            return fail("the cpumask of /etc/xen/xl.conf leaves none of these CPUs",
                        "--ignore-global-affinity-masks goes past it");
    }
    if (context.dry_run) {
        out("cpumap:");
        for (auto& map : {hard, soft})
            if (map) out(" {}", config::print_cpus(domain::to_set(*map), host.ids));
        out("\n");
        return exit_good;
    }
    DomId id{info.domain};
    auto first = every ? 0u : static_cast<unsigned>(*vcpu), last = every ? info.max_vcpu_id : first;
    for (auto i = first; i <= last; ++i)
        TRY(domain::or_fail(
            xen::set_vcpu_affinity(control, id, i, hard ? &*hard : nullptr, soft ? &*soft : nullptr, words.has('f')),
            fmt::format("cannot pin virtual CPU {}", i)));
    return exit_good;
}

Result<int> run_vcpu_set(Context& context, const Words& words) {
    auto id = TRY(context.session.find(words.words[0]));
    auto info = TRY(context.session.info(id));
    auto count = toolstack::to_unsigned(words.words[1]);
    if (!count || *count == 0)
        return fail(fmt::format("Error: Invalid argument {}.", words.words[1]), "give the number of virtual CPUs");
    if (*count > info.max_vcpu_id + 1)
        return fail(fmt::format("the domain can have at most {} virtual CPUs, not {}", info.max_vcpu_id + 1, *count),
                    "set maxvcpus= in its configuration and create it anew");
    auto host = TRY(domain::or_fail(xen::physical_info(*TRY(context.session.xen())), "cannot examine the host"));
    if (*count > host.nr_cpus && !words.has('i') && id.value != 0)
        return fail(fmt::format("You are overcommitting! You have {} physical CPUs and want {} vCPUs! Aborting, use "
                                "--ignore-host to continue",
                                host.nr_cpus, *count));
    if (context.dry_run) {
        out("setting vcpus to {}\n", *count);
        return exit_good;
    }
    auto& client = *TRY(context.session.store());
    auto path = domain::path_of(id);
    for (unsigned i = 0; i <= info.max_vcpu_id; ++i)
        TRY(domain::or_fail(
            client.write(fmt::format("{}/cpu/{}/availability", path, i), i < *count ? "online" : "offline"),
            "cannot tell the guest"));
    return exit_good;
}

} // namespace xl
