// SPDX-License-Identifier: Apache-2.0
// xl: finds the subcommand, parses its options, runs it, and turns a failure into one clear message.
#include "domain/life/watcher.hpp"
#include "xl/command.hpp"

#include <csignal>
#include <cstdio>

namespace {

using xl::exit_bad;
using xl::exit_good;
using xl::exit_usage;
using xl::report;

/// Runs a command whose line is right.
int run(xl::Context& context, const xl::Command& command, const xl::Words& words) {
    auto status = command.run(context, words);
    // Whoever changes something also sees to it that somebody acts when guests stop.
    if (command.effect != xl::Effect::reads && !context.dry_run) domain::ensure_watcher_if_needed(context.session);
    if (!status) return report(status.error(), exit_bad);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("xl: standard output");
        return exit_bad;
    }
    return *status;
}

} // namespace

int main(int argc, char** argv) {
    signal(SIGPIPE, SIG_DFL);
    xl::Context context;
    context.session.listener = [](std::string_view line) { xl::note("xl: {}", line); };
    std::span arguments(argv, static_cast<std::size_t>(argc));
    bool help = false;
    auto at = xl::parse_globals(arguments, context, help);
    if (!at) return report(at.error(), exit_bad);
    if (help || *at >= arguments.size()) {
        xl::out("{}", xl::overview());
        return help ? exit_good : exit_bad;
    }
    auto command = xl::find_command(arguments[*at]);
    if (!command) return report(command.error(), exit_bad);
    auto words = xl::parse_words(**command, arguments.subspan(*at));
    if (!words) return report(words.error(), exit_usage);
    if (words->has('h') && words->value('h')->empty()) {
        xl::out("{}", xl::usage(**command));
        return exit_good;
    }
    if (context.dry_run && (*command)->effect != xl::Effect::plans)
        return report({fmt::format("'xl {}': command does not implement -N (dryrun) option", (*command)->name), {}},
                      exit_bad);
    auto surplus = xl::fit_words(**command, *words);
    if (!surplus) return xl::misuse((*command)->name, surplus.error());
    for (auto& word : *surplus) xl::note("warning: 'xl {}' takes no '{}': ignored", (*command)->name, word);
    return run(context, **command, *words);
}
