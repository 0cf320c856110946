// SPDX-License-Identifier: Apache-2.0
// cpupool-*: CPU pools. The hypervisor knows them by id; names are in /local/pool/ID of xenstore, as libxl keeps them.
#include "xl/pools.hpp"

#include "base/text.hpp"
#include "config/parse.hpp"
#include "config/uuid.hpp"
#include "domain/domains.hpp"
#include "image/bytes.hpp"
#include "xl/json.hpp"

#include <algorithm>
#include <sys/random.h>

namespace xl {

std::string pool_name(Context& context, std::uint32_t pool) {
    auto client = context.session.store();
    auto name = client ? (*client)->get(fmt::format("/local/pool/{}/name", pool)) : std::nullopt;
    return name ? *name : fmt::format("Pool-{}", pool);
}

Result<std::vector<xen::CpuPool>> pools(Context& context) {
    auto& control = *TRY(context.session.xen());
    auto host = TRY(domain::or_fail(xen::physical_info(control), "cannot examine the host"));
    return domain::or_fail(xen::cpu_pools(control, host.max_cpu_id + 1), "cannot list the CPU pools");
}

Result<xen::CpuPool> find_pool(Context& context, std::string_view name) {
    auto all = TRY(pools(context));
    for (auto& pool : all)
        if (pool_name(context, pool.id) == name) return pool;
    for (auto& pool : all)
        if (std::to_string(pool.id) == name) return pool;
    return fail(fmt::format("unknown cpupool '{}'", name), "see xl cpupool-list");
}

namespace {

std::string path_of(std::uint32_t pool) { return fmt::format("/local/pool/{}", pool); }

/// The CPUs that a text names, which this host has.
Result<config::CpuSet> named_cpus(xen::Control& control, std::string_view text) {
    auto host = TRY(domain::or_fail(xen::physical_info(control), "cannot examine the host"));
    auto topology =
        TRY(domain::or_fail(xen::cpu_topology(control, host.max_cpu_id + 1), "cannot read the CPU topology"));
    config::CpuSet there;
    for (std::size_t i = 0; i < topology.size() && i < config::max_cpus; ++i)
        if (topology[i].core != abi::invalid_core_id) there.set(i);
    auto set = TRY(config::parse_cpus(text, [&](unsigned node) -> Result<config::CpuSet> {
        config::CpuSet cpus;
        for (std::size_t i = 0; i < topology.size() && i < config::max_cpus; ++i)
            if (there[i] && topology[i].node == node) cpus.set(i);
        if (cpus.none()) return fail(fmt::format("the host has no NUMA node {}", node), "see xl info -n");
        return cpus;
    }));
    set &= there;
    if (set.none()) return fail(fmt::format("'{}' is no CPU of this host", text), "see xl info -n");
    return set;
}

Result<config::CpuSet> unused_cpus(xen::Control& control) {
    auto host = TRY(domain::or_fail(xen::physical_info(control), "cannot examine the host"));
    return domain::to_set(
        TRY(domain::or_fail(xen::free_cpus(control, host.max_cpu_id + 1), "cannot list the free CPUs")));
}

/// Adds or removes all that can be, as stock xl; the failure is the first one's.
Result<void> change(xen::Control& control, std::uint32_t pool, const config::CpuSet& cpus, bool add) {
    Result<void> all;
    for (unsigned cpu = 0; cpu < config::max_cpus; ++cpu) {
        if (!cpus[cpu]) continue;
        auto done = add ? domain::or_fail(xen::add_to_pool(control, pool, cpu),
                                          fmt::format("cannot add CPU {} to the pool", cpu))
                        : domain::or_fail(xen::remove_from_pool(control, pool, cpu),
                                          fmt::format("cannot take CPU {} from the pool", cpu));
        if (!done && all) all = std::unexpected(done.error());
    }
    return all;
}

/// A pool to be made.
struct Plan {
    std::string name;
    abi::SchedulerId scheduler{};
    config::CpuSet cpus;
};

Result<abi::SchedulerId> scheduler_named(std::string_view name) {
    using enum abi::SchedulerId;
    for (auto id : {Credit, Credit2, Arinc653, Rtds, Null})
        if (domain::scheduler_name(id) == name) return id;
    return fail(fmt::format("unknown scheduler '{}'", name), "known are credit, credit2, rtds, arinc653 and null");
}

/// The text of a list as of a string: its items with commas between.
std::string joined(const config::Value& value) {
    if (!value.is_list()) return value.text;
    std::string text;
    for (auto& item : value.list) text += (text.empty() ? "" : ",") + item.text;
    return text;
}

Result<Plan> plan(Context& context, std::vector<config::Setting> settings, std::string_view source) {
    auto& control = *TRY(context.session.xen());
    Plan out;
    out.scheduler = TRY(domain::or_fail(xen::scheduler(control), "cannot read the scheduler"));
    std::string cpus, nodes;
    for (auto& setting : TRY(config::merge(std::move(settings), source))) {
        if (setting.key == "name") out.name = setting.value.text;
        else if (setting.key == "sched") out.scheduler = TRY(scheduler_named(setting.value.text));
        else if (setting.key == "cpus") cpus = joined(setting.value);
        else if (setting.key == "nodes") nodes = "nodes:" + joined(setting.value);
        else note("warning: {}: {}: unknown key ignored", config::place(setting, source), setting.key);
    }
    if (out.name.empty()) return fail("Missing cpupool name!", "add name=...");
    for (auto& pool : TRY(pools(context)))
        if (pool_name(context, pool.id) == out.name)
            return fail(fmt::format("Pool name \"{}\" already exists", out.name), "choose another name");
    if (!cpus.empty() && !nodes.empty()) return fail("Only one of \"nodes\" and \"cpus\" may be given");
    if (cpus.empty() && nodes.empty()) return out; // a pool without CPUs, as stock's
    out.cpus = TRY(named_cpus(control, cpus.empty() ? nodes : cpus));
    if (auto taken = out.cpus & ~TRY(unused_cpus(control)); taken.any())
        return fail(fmt::format("cpu {} illegal or not free", config::print_ranges(taken, config::max_cpus)),
                    "take it from its pool first: xl cpupool-cpu-remove Pool-0 CPU");
    return out;
}

/// Makes the pool; on a failure nothing of it is left.
Result<void> make(Context& context, const Plan& wanted) {
    auto& control = *TRY(context.session.xen());
    auto& client = *TRY(context.session.store());
    std::array<std::uint8_t, 16> random{};
    if (getrandom(random.data(), random.size(), 0) < 0) return fail("no random numbers for a UUID");
    auto id = TRY(domain::or_fail(xen::create_pool(control, wanted.scheduler), "cannot make a CPU pool"));
    auto path = path_of(id);
    auto done = change(control, id, wanted.cpus, true);
    if (done)
        done = domain::or_fail(client.write(path + "/uuid", config::print(config::make_uuid(random))), "xenstore");
    if (done) done = domain::or_fail(client.write(path + "/name", wanted.name), "xenstore");
    if (done) return {};
    (void)client.remove(path);
    for (unsigned cpu = 0; cpu < config::max_cpus; ++cpu)
        if (wanted.cpus[cpu]) (void)xen::remove_from_pool(control, id, cpu);
    (void)xen::destroy_pool(control, id);
    return done;
}

Result<int> change_cpus(Context& context, const Words& words, bool add) {
    auto pool = TRY(find_pool(context, words.words[0]));
    auto& control = *TRY(context.session.xen());
    auto cpus = TRY(named_cpus(control, words.words[1]));
    if (add) cpus &= ~domain::to_set(pool.cpus); // those that it has need nothing
    TRY(change(control, pool.id, cpus, add));
    return exit_good;
}

} // namespace

Result<int> run_cpupool_list(Context& context, const Words& words) {
    auto list = TRY(pools(context));
    bool cpus = words.has('c');
    if (!words.words.empty()) {
        auto wanted = find_pool(context, words.words[0]);
        if (!wanted) return fail(fmt::format("Pool '{}' does not exist", words.words[0]), "see xl cpupool-list");
        list = {std::move(*wanted)};
    }
    Rows rows;
    if (!words.has('J')) {
        if (cpus) out("{:<19}CPU list\n", "Name");
        else out("{:<19}CPUs   Sched     Active   Domain count\n", "Name");
    }
    for (auto& pool : list) {
        auto name = pool_name(context, pool.id);
        auto set = domain::to_set(pool.cpus);
        std::string numbers;
        for (std::size_t cpu = 0; cpu < config::max_cpus; ++cpu)
            if (set[cpu]) numbers += fmt::format("{}{}", numbers.empty() ? "" : ",", cpu);
        if (words.has('J'))
            rows.row()
                .text("name", name)
                .number("id", pool.id)
                .text("scheduler", domain::scheduler_name(pool.scheduler))
                .text("cpus", numbers)
                .number("domains", pool.domains);
        else if (cpus) out("{:<19}{}\n", name, numbers);
        else
            out("{:<19}{:>3} {:>9}       y       {:>4}\n", name, set.count(), domain::scheduler_name(pool.scheduler),
                pool.domains);
    }
    if (words.has('J')) out("{}", rows.print());
    return exit_good;
}

Result<int> run_cpupool_create(Context& context, const Words& words) {
    std::string path;
    std::size_t first = 0;
    if (auto file = words.value('f')) path = *file;
    else if (!words.words.empty() && words.words[0].find('=') == std::string::npos) path = words.words[first++];
    std::vector<config::Setting> settings;
    if (!path.empty()) {
        auto file = TRY(image::File::open("configuration", path));
        auto view = file.view();
        settings = TRY(config::parse({reinterpret_cast<const char*>(view.data()), view.size()}, path));
    }
    for (; first < words.words.size(); ++first) {
        if (words.words[first].find('=') == std::string::npos)
            return misuse("cpupool-create", {fmt::format("'{}' is not Variable=value", words.words[first]), {}},
                          exit_bad);
        for (auto& setting : TRY(config::parse(words.words[first], "command line", true))) {
            settings.push_back(setting);
            settings.back().typed = true;
        }
    }
    auto source = path.empty() ? "command line" : path;
    auto wanted = TRY(plan(context, std::move(settings), source));
    out("Using config file \"{}\"\n", source);
    out("cpupool name:   {}\nscheduler:      {}\nnumber of cpus: {}\n", wanted.name,
        domain::scheduler_name(wanted.scheduler), wanted.cpus.count());
    if (!words.has('n') && !context.dry_run) TRY(make(context, wanted));
    return exit_good;
}

Result<int> run_cpupool_destroy(Context& context, const Words& words) {
    auto& control = *TRY(context.session.xen());
    auto pool = TRY(find_pool(context, words.words[0]));
    if (pool.id == 0)
        return fail(fmt::format("Can't destroy cpupool '{}'", words.words[0]), "it is the hypervisor's own");
    if (pool.domains > 0)
        return fail(fmt::format("Can't destroy cpupool '{}': domains in it: {}", words.words[0], pool.domains),
                    "move them first: xl cpupool-migrate DOMAIN Pool-0");
    auto cpus = domain::to_set(pool.cpus);
    TRY(change(control, pool.id, cpus, false));
    TRY(domain::or_fail(xen::destroy_pool(control, pool.id), "cannot end the CPU pool"));
    TRY(domain::or_fail(TRY(context.session.store())->remove(path_of(pool.id)), "cannot forget its name"));
    return exit_good;
}

Result<int> run_cpupool_rename(Context& context, const Words& words) {
    auto pool = TRY(find_pool(context, words.words[0]));
    for (auto& other : TRY(pools(context)))
        if (pool_name(context, other.id) == words.words[1] && other.id != pool.id)
            return fail(
                fmt::format("Can't rename cpupool '{}': another has the name '{}'", words.words[0], words.words[1]));
    TRY(domain::or_fail(TRY(context.session.store())->write(path_of(pool.id) + "/name", words.words[1]),
                        "cannot store the name"));
    return exit_good;
}

Result<int> run_cpupool_cpu_add(Context& context, const Words& words) { return change_cpus(context, words, true); }
Result<int> run_cpupool_cpu_remove(Context& context, const Words& words) { return change_cpus(context, words, false); }

Result<int> run_cpupool_migrate(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    auto pool = TRY(find_pool(context, words.words[1]));
    TRY(domain::or_fail(xen::move_to_pool(*TRY(context.session.xen()), id, pool.id), "cannot move the domain"));
    return exit_good;
}

} // namespace xl
