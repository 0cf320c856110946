// SPDX-License-Identifier: Apache-2.0
// xl: finds the subcommand, parses its options, runs it, and turns a failure into one clear message.
#include "xl/command.hpp"

#include <csignal>
#include <cstdio>
#include <unistd.h>

namespace {

using xl::exit_bad;
using xl::exit_usage;

int report(const xl::Failure& failure, int status) {
    fflush(stdout);
    xl::note("{}", failure.what);
    if (!failure.remedy.empty()) xl::note("  -> {}", failure.remedy);
    return status;
}

} // namespace

int main(int argc, char** argv) {
    signal(SIGPIPE, SIG_DFL);
    xl::Context context;
    int at = 1;
    for (; at < argc && argv[at][0] == '-' && argv[at][1]; ++at) {
        for (const char* letter = argv[at] + 1; *letter; ++letter) {
            switch (*letter) {
            case 'v': ++context.verbose; break;
            case 'f': context.force = true; break;
            case 'N': context.dry_run = true; break;
            case 't': break; // progress is written line by line here, with or without
            case 'T': context.timestamps = true; break;
            case 'h': xl::out("{}", xl::overview()); return 0;
            default: xl::note("unknown global option '{}'\n{}", argv[at], xl::overview()); return exit_usage;
            }
        }
    }
    if (at == argc) {
        xl::out("{}", xl::overview());
        return exit_bad;
    }
    auto command = xl::find_command(argv[at]);
    if (!command) return report(command.error(), exit_bad);
    auto words = xl::parse_words(**command, std::span(argv + at, argv + argc));
    if (!words) {
        report(words.error(), 0);
        xl::note("{}", xl::usage(**command));
        return exit_usage;
    }
    if (words->has('h') && words->value('h')->empty()) {
        xl::out("{}", xl::usage(**command));
        return 0;
    }
    auto status = (*command)->run(context, *words);
    if (!status) return report(status.error(), exit_bad);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("xl: standard output");
        return exit_bad;
    }
    return *status;
}
