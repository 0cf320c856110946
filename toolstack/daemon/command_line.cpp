// SPDX-License-Identifier: Apache-2.0
// Reading the daemons' command lines.
#include "daemon/command_line.hpp"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <getopt.h>
#include <vector>

namespace toolstack {

namespace {

/// getopt_long's answers: options by their place in the table, then the two that every daemon has.
constexpr int first_option = 256;

std::string usage(DaemonProgram const& program, std::span<DaemonOption const> options) {
    auto const line = [](char letter, std::string const& name, std::string const& help) {
        auto const letters = letter ? fmt::format("-{}, ", letter) : "    ";
        return fmt::format("  {}--{:<24} {}\n", letters, name, help);
    };
    auto text = fmt::format("{}\nUsage: {} [OPTIONS]\n\nOptions:\n", program.summary, program.name);
    text += line(program.help_letter, "help", "show this help");
    text += line(program.version_letter, "version", "show the version");
    for (auto const& option : options) {
        auto const name = option.value ? fmt::format("{}={}", option.name, option.value) : option.name;
        text += line(option.letter, name, option.help);
    }
    return text;
}

} // namespace

Result<std::string> read_command_line(DaemonProgram const& program, std::span<DaemonOption const> options, int argc,
                                      char** argv) {
    int const help = first_option + static_cast<int>(options.size());
    int const version = help + 1;
    std::string letters = ":";
    std::vector<::option> names = {{"help", no_argument, nullptr, help}, {"version", no_argument, nullptr, version}};
    letters += program.help_letter;
    if (program.version_letter) letters += program.version_letter;
    for (int code = first_option; auto const& option : options) {
        names.push_back({option.name, option.value ? required_argument : no_argument, nullptr, code++});
        if (!option.letter) continue;
        letters += option.letter;
        if (option.value) letters += ':';
    }
    names.push_back({});
    auto const remedy = fmt::format("{} --help lists its options", program.name);
    opterr = 0;
    optind = 0; // glibc: from the start
    for (int code; (code = getopt_long(argc, argv, letters.c_str(), names.data(), nullptr)) != -1;) {
        if (code == ':') return fail(fmt::format("{} wants a value", argv[optind - 1]), remedy);
        if (code == '?')
            return fail(fmt::format("{}: no such option, or a wrong form of it", argv[optind - 1]), remedy);
        if (code == help || code == program.help_letter) return usage(program, options);
        if (code == version || (program.version_letter && code == program.version_letter))
            return fmt::format("{} (Proxenos) 4.17\n", program.name);
        for (auto const& option : options) {
            if (code != option.letter && code != first_option + (&option - options.data())) continue;
            std::string const value = optarg ? optarg : "";
            if (!option.set(value))
                return fail(fmt::format("--{}: '{}' is not a value it takes ({})", option.name, value, option.help),
                            remedy);
        }
    }
    if (optind < argc) return fail(fmt::format("{}: no arguments are taken", argv[optind]), remedy);
    return std::string{};
}

void take_command_line(DaemonProgram const& program, std::span<DaemonOption const> options, int argc, char** argv) {
    auto const said = read_command_line(program, options, argc, argv);
    if (!said) {
        fmt::print(stderr, "{}: {}; {}\n", program.name, said.error().what, said.error().remedy);
        std::exit(1);
    }
    if (said->empty()) return;
    std::fputs(said->c_str(), stdout);
    std::exit(0);
}

} // namespace toolstack
