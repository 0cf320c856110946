// SPDX-License-Identifier: Apache-2.0
// mem-set, mem-max, rename, trigger, button-press, sysrq, pause, unpause.
#include "base/text.hpp"
#include "domain/domains.hpp"
#include "domain/tune.hpp"
#include "xl/tune.hpp"

namespace xl {

Result<int> run_mem_set(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    auto kib = TRY(domain::parse_size(words.words[1]));
    if (context.dry_run) return exit_good;
    TRY(domain::set_memory_target(context.session, id, kib));
    return exit_good;
}

Result<int> run_mem_max(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    auto kib = TRY(domain::parse_size(words.words[1]));
    if (context.dry_run) return exit_good;
    TRY(domain::set_memory_maximum(context.session, id, kib));
    return exit_good;
}

Result<int> run_rename(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    if (context.dry_run) return exit_good;
    TRY(domain::rename(context.session, id, words.words[1]));
    return exit_good;
}

namespace {

Result<int> trigger(Context& context, std::string_view domain, std::string_view name, unsigned vcpu) {
    constexpr std::string_view names[] = {"nmi", "reset", "init", "power", "sleep", "s3resume"};
    auto id = TRY(context.session.existing(domain));
    for (std::size_t i = 0; i < std::size(names); ++i) {
        if (name != names[i]) continue;
        if (name == "s3resume") return fail("s3resume needs an HVM guest");
        TRY(domain::or_fail(xen::send_trigger(*TRY(context.session.xen()), id, static_cast<abi::Trigger>(i), vcpu),
                            fmt::format("cannot send the trigger '{}'", name)));
        return exit_good;
    }
    return fail(fmt::format("Invalid trigger \"{}\"", name), "known are nmi, reset, init, power, sleep and s3resume");
}

} // namespace

Result<int> run_trigger(Context& context, const Words& words) {
    auto vcpu = words.words.size() > 2 ? toolstack::to_unsigned(words.words[2]) : std::optional<std::uint64_t>(0);
    if (!vcpu || *vcpu > 8191) return fail(fmt::format("'{}' is not a virtual CPU", words.words[2]));
    return trigger(context, words.words[0], words.words[1], static_cast<unsigned>(*vcpu));
}

Result<int> run_button_press(Context& context, const Words& words) {
    note("WARNING: \"button-press\" is deprecated. Please use \"trigger\"");
    return trigger(context, words.words[0], words.words[1], 0);
}

Result<int> run_sysrq(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    if (words.words[1].size() != 1) return fail(fmt::format("Invalid sysrq."), "give one letter; h is help");
    TRY(domain::send_sysrq(context.session, id, words.words[1][0]));
    return exit_good;
}

Result<int> run_pause(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    TRY(domain::or_fail(xen::pause_domain(*TRY(context.session.xen()), id), "cannot pause the domain"));
    return exit_good;
}

Result<int> run_unpause(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    TRY(domain::or_fail(xen::unpause_domain(*TRY(context.session.xen()), id), "cannot unpause the domain"));
    return exit_good;
}

} // namespace xl
