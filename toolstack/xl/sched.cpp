// SPDX-License-Identifier: Apache-2.0
// sched-credit and sched-credit2.
#include "base/text.hpp"
#include "domain/domains.hpp"
#include "xl/host.hpp"
#include "xl/json.hpp"
#include "xl/pools.hpp"

namespace xl {
namespace {

using abi::SchedulerId;

Result<std::optional<unsigned>> number(const Words& words, char letter, std::string_view what, unsigned low,
                                       unsigned high) {
    auto text = words.value(letter);
    if (!text) return std::nullopt;
    auto value = toolstack::to_unsigned(*text);
    if (!value || *value < low || *value > high)
        return fail(fmt::format("{} must be a number between {} and {}, not '{}'", what, low, high, *text));
    return static_cast<unsigned>(*value);
}

Result<void> print_pool(Context& context, const xen::CpuPool& pool) {
    auto& control = *TRY(context.session.xen());
    auto name = pool_name(context, pool.id);
    if (pool.scheduler == SchedulerId::Credit2) {
        auto value =
            TRY(domain::or_fail(xen::credit2_parameters(control, pool.id), "cannot read the scheduler's parameters"));
        out("Cpupool {}: ratelimit={}us\n", name, value.ratelimit_us);
    } else {
        auto value =
            TRY(domain::or_fail(xen::credit_parameters(control, pool.id), "cannot read the scheduler's parameters"));
        out("Cpupool {}: tslice={}ms ratelimit={}us migration-delay={}us\n", name, value.tslice_ms, value.ratelimit_us,
            value.vcpu_migr_delay_us);
    }
    return {};
}

Result<void> print_domains(Context& context, const std::vector<domain::Listed>& domains, SchedulerId scheduler,
                           std::uint32_t pool, Rows* rows, bool only = false) {
    if (!rows) out("{:<33} {:>4} {:>6} {:>4}\n", "Name", "ID", "Weight", "Cap");
    for (auto& entry : domains) {
        if (entry.info.cpupool != pool) continue;
        auto value = domain::or_fail(
            xen::scheduling(*TRY(context.session.xen()), entry.id(), scheduler),
            fmt::format("domain {} is not of the scheduler {}", entry.name, domain::scheduler_name(scheduler)));
        if (!value && only) return std::unexpected(value.error());
        if (!value) continue; // it may be gone by now
        if (rows)
            rows->row()
                .text("name", entry.name)
                .number("domid", entry.info.domain)
                .number("weight", value->weight)
                .number("cap", value->cap);
        else out("{:<33} {:>4} {:>6} {:>4}\n", entry.name, entry.info.domain, value->weight, value->cap);
    }
    return {};
}

Result<void> set_pool(Context& context, const Words& words, SchedulerId scheduler, std::uint32_t pool) {
    auto& control = *TRY(context.session.xen());
    auto limit = TRY(number(words, 'r', "the rate limit in microseconds", 0, abi::sched_ratelimit_max_us));
    if (scheduler == SchedulerId::Credit2)
        return domain::or_fail(xen::set_credit2_parameters(control, pool, {*limit}),
                               "cannot set the scheduler's parameters");
    auto value = TRY(domain::or_fail(xen::credit_parameters(control, pool), "cannot read the scheduler's parameters"));
    auto slice =
        TRY(number(words, 't', "the time slice in milliseconds", abi::csched_tslice_min_ms, abi::csched_tslice_max_ms));
    auto delay = TRY(number(words, 'm', "the migration delay in microseconds", 0, abi::csched_migration_delay_max_us));
    value.tslice_ms = slice.value_or(value.tslice_ms);
    value.ratelimit_us = limit.value_or(value.ratelimit_us);
    value.vcpu_migr_delay_us = delay.value_or(value.vcpu_migr_delay_us);
    return domain::or_fail(xen::set_credit_parameters(control, pool, value), "cannot set the scheduler's parameters");
}

Result<void> set_domain(Context& context, const Words& words, SchedulerId scheduler, const domain::Listed& entry) {
    auto& control = *TRY(context.session.xen());
    auto value = TRY(domain::or_fail(xen::scheduling(control, entry.id(), scheduler),
                                     fmt::format("domain {} has another scheduler", entry.name)));
    auto weight = TRY(number(words, 'w', "the weight", 1, 65535));
    auto cap = TRY(number(words, 'c', "the cap", 0, 65535));
    value.weight = static_cast<std::uint16_t>(weight.value_or(value.weight));
    value.cap = static_cast<std::uint16_t>(cap.value_or(value.cap));
    return domain::or_fail(xen::set_scheduling(control, entry.id(), scheduler, value), "cannot set weight and cap");
}

/// What is said of a pool with another scheduler: nothing in a listing of all, as stock.
Result<void> answer_other(Context& context, const Words& words, const xen::CpuPool& pool) {
    auto name = pool_name(context, pool.id);
    auto what = fmt::format("CPU pool {} has the scheduler {}", name, domain::scheduler_name(pool.scheduler));
    if (words.has('r') || words.has('t') || words.has('m')) return fail(what);
    if (words.has('s') && !words.has('J')) out("Cpupool {}: [sched params unavailable]\n", name);
    if (words.has('s') || words.has('p')) note("{}", what);
    return {};
}

Result<int> run(Context& context, const Words& words, SchedulerId scheduler) {
    auto domain = words.value('d'), wanted = words.value('p');
    bool changes_domain = words.has('w') || words.has('c');
    bool changes_pool = words.has('r') || words.has('t') || words.has('m');
    if (changes_domain && !domain) return fail("weight and cap belong to a domain", "add -d DOMAIN");
    if (domain && wanted) return fail("Specifying a cpupool is not allowed with other options.", "leave -p or -d away");
    if (changes_domain && words.has('s')) return fail("-w and -c cannot be used with -s", "change one after the other");
    if (changes_pool && !words.has('s')) return fail("scheduler-wide parameters need -s");
    if (domain && !words.has('s')) {
        auto domains = TRY(domain::list(context.session, {*domain}));
        if (changes_domain) {
            TRY(set_domain(context, words, scheduler, domains[0]));
            return exit_good;
        }
        TRY(print_domains(context, domains, scheduler, domains[0].info.cpupool, nullptr, true));
        return exit_good;
    }
    auto domains = words.has('s') ? std::vector<domain::Listed>{} : TRY(domain::list(context.session));
    Rows rows;
    bool found = false;
    for (auto& pool : TRY(pools(context))) {
        if (words.has('s') && !wanted && pool.id != 0) continue; // Pool-0 is meant then, as by stock
        if (wanted && pool_name(context, pool.id) != *wanted && std::to_string(pool.id) != *wanted) continue;
        found = true;
        if (pool.scheduler != scheduler) {
            TRY(answer_other(context, words, pool));
            continue;
        }
        if (changes_pool) {
            TRY(set_pool(context, words, scheduler, pool.id));
        } else {
            if (!words.has('J')) TRY(print_pool(context, pool));
            if (!words.has('s'))
                TRY(print_domains(context, domains, scheduler, pool.id, words.has('J') ? &rows : nullptr));
        }
    }
    if (words.has('J')) out("{}", rows.print());
    if (!found && wanted) return fail(fmt::format("unknown cpupool '{}'", *wanted), "see xl cpupool-list");
    return exit_good;
}

} // namespace

Result<int> run_sched_credit(Context& context, const Words& words) { return run(context, words, SchedulerId::Credit); }
Result<int> run_sched_credit2(Context& context, const Words& words) {
    return run(context, words, SchedulerId::Credit2);
}

} // namespace xl
