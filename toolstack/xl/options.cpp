// SPDX-License-Identifier: Apache-2.0
// Command lines by getopt_long, from the command table: stock xl parses by it too, so that all option forms agree by
// construction, and it costs next to nothing at start-up.
#include "xl/command.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <getopt.h>

namespace xl {

const std::string* Words::value(char letter) const {
    for (auto i = options.size(); i-- > 0;)
        if (options[i].first == letter) return &options[i].second;
    return nullptr;
}

std::vector<std::string> Words::values(char letter) const {
    std::vector<std::string> out;
    for (auto& [name, value] : options)
        if (name == letter) out.push_back(value);
    return out;
}

namespace {

/// What getopt_long did not take, as stock xl words it; a long option by its name, which stock shows as a NUL.
std::string refused(const Command& command, std::string_view word) {
    if (!word.starts_with("--")) return fmt::format("option `{}' not supported.", static_cast<char>(optopt));
    auto name = word.substr(2, word.find('=') - 2);
    unsigned meant = 0;
    bool exact = false;
    for (auto& item : command.options) {
        meant += item.name && std::string_view(item.name).starts_with(name);
        exact |= item.name && item.name == name;
    }
    if (optopt && (exact || meant == 1)) return fmt::format("option `--{}' takes no argument.", name);
    if (meant > 1) return fmt::format("option `--{}' is ambiguous.", name);
    return fmt::format("option `--{}' not supported.", name);
}

} // namespace

Result<Words> parse_words(const Command& command, std::span<char*> arguments) {
    std::string letters = ":h";
    std::vector<option> names = {{"help", no_argument, nullptr, 'h'}};
    for (auto& item : command.options) {
        if (item.letter > ' ') {
            letters += item.letter;
            if (item.value) letters += ':';
        }
        if (item.name) names.push_back({item.name, item.value ? required_argument : no_argument, nullptr, item.letter});
    }
    names.push_back({});
    Words words;
    opterr = 0;
    optind = 0; // glibc: from the start, also behind an earlier line that ended within a group of letters
    auto count = static_cast<int>(arguments.size());
    auto remedy = fmt::format("xl {} --help lists its options", command.name);
    for (int letter; (letter = getopt_long(count, arguments.data(), letters.c_str(), names.data(), nullptr)) != -1;) {
        if (letter == '?')
            return fail(refused(command, arguments[static_cast<std::size_t>(std::max(optind, 2) - 1)]), remedy);
        if (letter == ':') {
            std::string_view word = arguments[static_cast<std::size_t>(optind - 1)];
            if (word.starts_with("--")) return fail(fmt::format("option `{}' requires an argument.", word), remedy);
            return fail(fmt::format("option `{}' requires an argument.", static_cast<char>(optopt)), remedy);
        }
        words.options.emplace_back(static_cast<char>(letter), optarg ? optarg : "");
    }
    for (auto i = static_cast<std::size_t>(optind); i < arguments.size(); ++i) words.words.emplace_back(arguments[i]);
    return words;
}

Result<std::vector<std::string>> fit_words(const Command& command, Words& words) {
    if (words.words.size() < command.least)
        return fail(fmt::format("'xl {}' requires at least {} argument{}.", command.name, command.least,
                                command.least == 1 ? "" : "s"));
    std::vector<std::string> surplus;
    if (words.words.size() > command.most) {
        surplus.assign(words.words.begin() + command.most, words.words.end());
        words.words.resize(command.most);
    }
    return surplus;
}

Result<std::size_t> parse_globals(std::span<char*> arguments, Context& context, bool& help) {
    std::size_t at = 1;
    for (; at < arguments.size() && arguments[at][0] == '-' && arguments[at][1]; ++at) {
        std::string_view word = arguments[at];
        if (word == "--") return at + 1;
        if (word == "--help") {
            help = true;
            continue;
        }
        for (char letter : word.substr(1)) {
            switch (letter) {
            case 'v': ++context.verbose; break;
            case 'N': context.dry_run = true; break;
            case 'f':
            case 'T':
            case 't': break; // nothing to force here; progress is written line by line, with or without
            case 'h': help = true; break;
            default:
                return fail(fmt::format("unknown global option '{}'", word), "they are -v, -f, -N, -t, -T and --help");
            }
        }
    }
    return at;
}

namespace {

/// Stock xl's that are missing here: no spelling of ours is meant.
constexpr std::string_view elsewhere[] = {"pci-attach",
                                          "pci-detach",
                                          "pci-list",
                                          "pci-assignable-add",
                                          "pci-assignable-remove",
                                          "pci-assignable-list",
                                          "vncviewer",
                                          "save",
                                          "migrate",
                                          "restore",
                                          "migrate-receive",
                                          "cd-insert",
                                          "cd-eject",
                                          "sched-rtds",
                                          "set-parameters",
                                          "channel-list",
                                          "vtpm-attach",
                                          "vtpm-list",
                                          "vtpm-detach",
                                          "vkb-attach",
                                          "vkb-list",
                                          "vkb-detach",
                                          "vdispl-attach",
                                          "vdispl-list",
                                          "vdispl-detach",
                                          "vsnd-attach",
                                          "vsnd-list",
                                          "vsnd-detach",
                                          "cpupool-numa-split",
                                          "getenforce",
                                          "setenforce",
                                          "loadpolicy",
                                          "remus",
                                          "devd",
                                          "psr-hwinfo",
                                          "psr-cmt-attach",
                                          "psr-cmt-detach",
                                          "psr-cmt-show",
                                          "psr-cat-set",
                                          "psr-cat-show",
                                          "psr-mba-set",
                                          "psr-mba-show",
                                          "usbctrl-attach",
                                          "usbctrl-detach",
                                          "usbdev-attach",
                                          "usbdev-detach",
                                          "usb-list",
                                          "qemu-monitor-command"};

} // namespace

Result<const Command*> find_command(std::string_view name) {
    const Command* found = nullptr;
    std::string candidates;
    for (auto& command : commands()) {
        std::string_view candidate = command.name;
        if (candidate == name) return &command;
        if (!candidate.starts_with(name)) continue;
        found = &command;
        candidates += candidates.empty() ? "" : ", ";
        candidates += candidate;
    }
    if (found && candidates.find(',') == std::string::npos) return found;
    if (found) return fail(fmt::format("'{}' could be one of: {}", name, candidates));
    std::string_view near;
    unsigned distance = 3;
    for (auto& command : commands()) {
        auto d = toolstack::edit_distance(name, command.name);
        if (d < distance) {
            distance = d;
            near = command.name;
        }
    }
    auto what = fmt::format("'{}': command not implemented", name);
    if (std::ranges::find(elsewhere, name) != std::end(elsewhere))
        return fail(what, "stock xl has it, these tools do not yet");
    return fail(what, near.empty() ? "xl help lists all commands" : fmt::format("did you mean '{}'?", near));
}

int report(const Failure& failure, int status) {
    fflush(stdout);
    note("{}", failure.what);
    if (!failure.remedy.empty()) note("  -> {}", failure.remedy);
    return status;
}

int misuse(std::string_view command, const Failure& failure, int status) {
    report(failure, status);
    if (auto found = find_command(command)) out("\n{}", usage(**found));
    return status;
}

std::string usage(const Command& command) {
    constexpr std::string_view globals[] = {"vtT", "vtTf", "vtTfN"};
    auto text = fmt::format("Usage: xl [-{}] {} {}{}\n\n{}.\n", globals[static_cast<std::size_t>(command.effect)],
                            command.name, command.options.empty() ? "" : "[options] ", command.words, command.summary);
    if (command.options.empty()) return text;
    text += "\nOptions:\n\n";
    for (auto& item : command.options) {
        auto left = item.letter > ' ' ? fmt::format("-{}", item.letter) : std::string{};
        if (item.name) left += fmt::format("{}--{}", left.empty() ? "" : ", ", item.name);
        if (item.value) left += fmt::format("={}", item.value);
        text += fmt::format("{:<23} {}\n", left, item.help);
    }
    return text;
}

std::string overview() {
    std::string text = "Usage xl [-vfNtT] <subcommand> [args]\n\nxl full list of subcommands:\n\n";
    for (auto& command : commands()) {
        if (std::string_view(command.name).size() > 19)
            text += fmt::format(" {}\n{:21}{}\n", command.name, "", command.summary);
        else text += fmt::format(" {:<19} {}\n", command.name, command.summary);
    }
    return text;
}

} // namespace xl
