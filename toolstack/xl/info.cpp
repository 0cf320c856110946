// SPDX-License-Identifier: Apache-2.0
// info: facts about the host, one per line, with stock xl's keys in stock xl's order.
#include "domain/domains.hpp"
#include "xen/memory.hpp"
#include "xen/version.hpp"
#include "xl/host.hpp"
#include "xl/json.hpp"

#include <sys/utsname.h>

namespace xl {
namespace {

using Fact = std::pair<std::string, std::string>;

constexpr std::string_view topology_mark = "\n"; ///< a fact whose value is printed as it is, without its key

std::string capabilities_text(const abi::SysctlPhysinfo& host) {
    std::string text;
    auto add = [&](std::uint32_t bit, std::string_view name) {
        if (host.capabilities & bit) text += fmt::format("{}{}", text.empty() ? "" : " ", name);
    };
    add(abi::physcap_pv, "pv");
    add(abi::physcap_hvm, "hvm");
    if (host.capabilities & abi::physcap_directio) {
        add(abi::physcap_pv, "pv_directio");
        add(abi::physcap_hvm, "hvm_directio");
    }
    add(abi::physcap_hap, "hap");
    add(abi::physcap_shadow, "shadow");
    add(abi::physcap_iommu_hap_pt_share, "iommu_hap_pt_share");
    add(abi::physcap_vmtrace, "vmtrace");
    add(abi::physcap_vpmu, "vpmu");
    add(abi::physcap_gnttab_v1, "gnttab-v1");
    add(abi::physcap_gnttab_v2, "gnttab-v2");
    return text;
}

Result<void> host_facts(xen::Control& control, std::vector<Fact>& facts) {
    utsname names{};
    uname(&names);
    auto host = TRY(domain::or_fail(xen::physical_info(control), "cannot examine the host"));
    facts.insert(
        facts.end(),
        {{"host", names.nodename}, {"release", names.release}, {"version", names.version}, {"machine", names.machine}});
    auto add = [&](std::string_view key, std::uint64_t value) { facts.emplace_back(key, std::to_string(value)); };
    add("nr_cpus", host.nr_cpus);
    add("max_cpu_id", host.max_cpu_id);
    add("nr_nodes", host.nr_nodes);
    add("cores_per_socket", host.cores_per_socket);
    add("threads_per_core", host.threads_per_core);
    facts.emplace_back("cpu_mhz", fmt::format("{}.{:03}", host.cpu_khz / 1000, host.cpu_khz % 1000));
    std::string words;
    for (auto word : host.hw_cap) words += fmt::format("{}{:08x}", words.empty() ? "" : ":", word);
    facts.emplace_back("hw_caps", words);
    facts.emplace_back("virt_caps", capabilities_text(host));
    add("total_memory", host.total_pages >> 8);
    add("free_memory", (host.free_pages - host.outstanding_pages) >> 8);
    add("sharing_freed_memory", static_cast<std::uint64_t>(xen::sharing_freed_pages(control).value_or(0)) >> 8);
    add("sharing_used_memory", static_cast<std::uint64_t>(xen::sharing_used_pages(control).value_or(0)) >> 8);
    add("outstanding_claims", host.outstanding_pages >> 8);
    auto free = domain::or_fail(xen::free_cpus(control, host.max_cpu_id + 1), "cannot list the free CPUs");
    add("free_cpus", free ? domain::to_set(*free).count() : 0);
    return {};
}

Result<void> topology_facts(xen::Control& control, std::vector<Fact>& facts) {
    auto host = TRY(domain::or_fail(xen::physical_info(control), "cannot examine the host"));
    auto cpus = TRY(domain::or_fail(xen::cpu_topology(control, host.max_cpu_id + 1), "cannot read the CPU topology"));
    auto numa = TRY(domain::or_fail(xen::numa(control), "cannot read the NUMA nodes"));
    std::string text = "cpu_topology           :\ncpu:    core    socket     node\n";
    for (std::size_t i = 0; i < cpus.size(); ++i)
        if (cpus[i].core != abi::invalid_core_id)
            text += fmt::format("{:>3}:    {:>4}     {:>4}     {:>4}\n", i, cpus[i].core, cpus[i].socket, cpus[i].node);
    text += "device topology        :\ndevice           node\nNo device topology data available\n";
    text += "numa_info              :\nnode:    memsize    memfree    distances\n";
    auto count = numa.nodes.size();
    for (std::size_t i = 0; i < count; ++i) {
        if (numa.nodes[i].memsize == abi::invalid_mem_sz) continue;
        text += fmt::format("{:>4}:    {:>6}     {:>6}      {}", i, numa.nodes[i].memsize >> 20,
                            numa.nodes[i].memfree >> 20, numa.distances[i * count]);
        for (std::size_t j = 1; j < count; ++j) text += fmt::format(",{}", numa.distances[i * count + j]);
        text += "\n";
    }
    facts.emplace_back(topology_mark, text);
    return {};
}

Result<void> hypervisor_facts(xen::Control& control, std::vector<Fact>& facts) {
    auto get = [](auto result) { return domain::or_fail(std::move(result), "cannot ask the hypervisor"); };
    auto number = TRY(get(xen::version_number(control)));
    auto extra = TRY(get(xen::extra_version(control)));
    auto compile = TRY(get(xen::compile_info(control)));
    auto scheduler = TRY(get(xen::scheduler(control)));
    facts.emplace_back("xen_major", std::to_string(number.major));
    facts.emplace_back("xen_minor", std::to_string(number.minor));
    facts.emplace_back("xen_extra", extra);
    facts.emplace_back("xen_version", fmt::format("{}.{}{}", number.major, number.minor, extra));
    facts.emplace_back("xen_caps", TRY(get(xen::capabilities(control))));
    facts.emplace_back("xen_scheduler", domain::scheduler_name(scheduler));
    facts.emplace_back("xen_pagesize", std::to_string(TRY(get(xen::reported_page_size(control)))));
    facts.emplace_back("platform_params", fmt::format("virt_start=0x{:x}", TRY(get(xen::virtual_start(control)))));
    facts.emplace_back("xen_changeset", TRY(get(xen::changeset(control))));
    facts.emplace_back("xen_commandline", TRY(get(xen::command_line(control))));
    facts.emplace_back("cc_compiler", compile.compiler);
    facts.emplace_back("cc_compile_by", compile.compile_by);
    facts.emplace_back("cc_compile_domain", compile.compile_domain);
    facts.emplace_back("cc_compile_date", compile.compile_date);
    facts.emplace_back("build_id", TRY(get(xen::build_id(control))));
    facts.emplace_back("xend_config_format", "4");
    return {};
}

} // namespace

Result<int> run_info(Context& context, const Words& words) {
    auto& control = *TRY(context.session.xen());
    std::vector<Fact> facts;
    TRY(host_facts(control, facts));
    if (words.has('n')) TRY(topology_facts(control, facts));
    TRY(hypervisor_facts(control, facts));
    if (words.has('J')) {
        Rows rows;
        rows.row();
        for (auto& [key, value] : facts)
            if (key != topology_mark) rows.text(key, value);
        out("{}", rows.print(true));
        return exit_good;
    }
    bool found = words.words.empty();
    for (auto& [key, value] : facts) {
        if (!words.words.empty()) {
            if (key != words.words[0]) continue;
            found = true;
            out("{}\n", value);
        } else if (key == topology_mark) {
            out("{}", value);
        } else {
            out("{:<23}: {}\n", key, value);
        }
    }
    if (!found) note("warning: info has no '{}'\n  -> xl info lists all keys", words.words[0]);
    return exit_good; // also then: as stock, whose answer is empty
}

Result<int> run_dmesg(Context& context, const Words& words) {
    auto text = TRY(domain::or_fail(xen::read_console(*TRY(context.session.xen()), words.has('c')),
                                    "cannot read the hypervisor's console"));
    out("{}", text);
    return exit_good;
}

Result<int> run_debug_keys(Context& context, const Words& words) {
    TRY(domain::or_fail(xen::debug_keys(*TRY(context.session.xen()), words.words[0]), "cannot send debug keys"));
    return exit_good;
}

} // namespace xl
