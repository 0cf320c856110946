// SPDX-License-Identifier: Apache-2.0
// list, vm-list, claims, sharing, domid, domname: formats are those of stock xl 4.17, which scripts parse.
#include "xl/listing.hpp"

#include "base/text.hpp"
#include "domain/domains.hpp"
#include "domain/life/restart.hpp"
#include "xl/json.hpp"
#include "xl/pools.hpp"

namespace xl {

using domain::Listed;

namespace {

constexpr std::string_view reason_names[] = {"poweroff", "reboot", "suspend", "crash", "watchdog", "soft-reset"};

void add_json(Rows& rows, const Listed& entry) {
    rows.row().text("name", entry.name).number("domid", entry.info.domain);
    rows.number("memory_mib", static_cast<std::int64_t>(entry.memory_mib()));
    rows.number("vcpus", entry.info.nr_online_vcpus).text("state", entry.state());
    rows.real("cpu_seconds", entry.cpu_seconds()).text("uuid", config::print(entry.uuid()));
    auto reason = entry.reason();
    if (reason >= 0 && reason < static_cast<int>(std::size(reason_names)))
        rows.text("shutdown_reason", reason_names[reason]);
    else rows.none("shutdown_reason");
    rows.number("cpupool", entry.info.cpupool);
}

void print_common(const Listed& entry) {
    out("{:<40} {:>5} {:>5} {:>5}     {}  {:>8.1f}", entry.name, entry.info.domain, entry.memory_mib(),
        entry.info.nr_online_vcpus, entry.state(), entry.cpu_seconds());
}

constexpr std::string_view header = "Name                                        ID   Mem VCPUs\tState\tTime(s)";

} // namespace

Result<int> run_list(Context& context, const Words& words) {
    if (words.has('l')) return run_list_long(context, words);
    auto domains = TRY(domain::list(context.session, words.words));
    for (auto& restart : domain::restarts()) // they are in no list until they are there
        if (restart.failures) note("xl: {}", domain::describe(restart));
    if (words.has('J')) {
        Rows rows;
        for (auto& entry : domains) add_json(rows, entry);
        out("{}", rows.print());
        return exit_good;
    }
    bool verbose = words.has('v'), label = words.has('Z'), pool = words.has('c'), nodes = words.has('n');
    abi::SysctlPhysinfo host{};
    if (nodes) host = TRY(domain::or_fail(xen::physical_info(*TRY(context.session.xen())), "cannot examine the host"));
    out("{}", header);
    if (verbose) out("   UUID                            Reason-Code\tSecurity Label");
    else if (label) out("   Security Label");
    if (pool) out("         Cpupool");
    if (nodes) out(" NODE Affinity");
    out("\n");
    for (auto& entry : domains) {
        print_common(entry);
        if (verbose) {
            out(" {}", config::print(entry.uuid()));
            if (entry.reason() >= 0) out(" {:>8x}", entry.reason());
            else out(" {:>8}", "-");
        }
        if (verbose || label) out(" {:>16}", "-"); // no hypervisor of ours or Debian's has security labels
        if (pool) out("{:>16}", pool_name(context, entry.info.cpupool));
        if (nodes) {
            auto map = xen::node_affinity(*TRY(context.session.xen()), entry.id(), host.max_node_id + 1);
            auto set = map ? domain::to_set(*map) : config::CpuSet{};
            out(" {}", set.count() == host.nr_nodes ? "all" : config::print_cpus(set, host.max_node_id + 1));
        }
        out("\n");
    }
    return exit_good;
}

Result<int> run_vm_list(Context& context, const Words& words) {
    auto domains = TRY(domain::list(context.session));
    if (words.has('J')) {
        Rows rows;
        for (auto& entry : domains)
            rows.row()
                .text("uuid", config::print(entry.uuid()))
                .number("domid", entry.info.domain)
                .text("name", entry.name);
        out("{}", rows.print());
        return exit_good;
    }
    out("UUID                                  ID    name\n");
    for (auto& entry : domains) out("{}  {}    {:<30}\n", config::print(entry.uuid()), entry.info.domain, entry.name);
    return exit_good;
}

Result<int> run_claims(Context& context, const Words& words) {
    auto domains = TRY(domain::list(context.session));
    if (words.has('J')) {
        Rows rows;
        for (auto& entry : domains)
            rows.row()
                .text("name", entry.name)
                .number("domid", entry.info.domain)
                .number("claimed_mib", static_cast<std::int64_t>(entry.info.outstanding_pages >> 8));
        out("{}", rows.print());
        return exit_good;
    }
    out("{}  Claimed\n", header);
    for (auto& entry : domains) {
        print_common(entry);
        out(" {:>5}\n", entry.info.outstanding_pages >> 8);
    }
    return exit_good;
}

Result<int> run_sharing(Context& context, const Words& words) {
    auto domains = TRY(domain::list(context.session, words.words));
    if (words.has('J')) {
        Rows rows;
        for (auto& entry : domains)
            rows.row()
                .text("name", entry.name)
                .number("domid", entry.info.domain)
                .number("shared_mib", static_cast<std::int64_t>(entry.info.shr_pages >> 8));
        out("{}", rows.print());
        return exit_good;
    }
    out("Name                                        ID   Mem Shared\n");
    for (auto& entry : domains)
        out("{:<40} {:>5} {:>5}  {:>5}\n", entry.name, entry.info.domain, entry.memory_mib(),
            entry.info.shr_pages >> 8);
    return exit_good;
}

Result<int> run_domid(Context& context, const Words& words) {
    auto& name = words.words[0];
    auto found = toolstack::to_unsigned(name) ? Result<DomId>(fail("")) : context.session.find(name);
    if (!found)
        return fail(fmt::format("Can't get domid of domain name '{}', maybe this domain does not exist.", name),
                    "see xl list");
    out("{}\n", found->value);
    return exit_good;
}

Result<int> run_domname(Context& context, const Words& words) {
    auto id = toolstack::to_unsigned(words.words[0]);
    if (!id || *id >= abi::first_reserved) return fail(fmt::format("Invalid domain id '{}'.", words.words[0]));
    auto name = TRY(context.session.name(DomId{static_cast<abi::domid_t>(*id)}));
    if (!name)
        return fail(fmt::format("Can't get domain name of domain id '{}', maybe this domain does not exist.", *id),
                    "see xl list");
    out("{}\n", *name);
    return exit_good;
}

} // namespace xl
