// SPDX-License-Identifier: Apache-2.0
// Command lines by getopt_long, from the command table: stock xl parses by it too, so that all option forms agree by
// construction, and it costs next to nothing at start-up.
#include "xl/command.hpp"

#include "base/text.hpp"

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
    optind = 1;
    auto count = static_cast<int>(arguments.size());
    for (int letter; (letter = getopt_long(count, arguments.data(), letters.c_str(), names.data(), nullptr)) != -1;) {
        if (letter == '?') {
            if (optopt) return fail(fmt::format("option `{}' not supported.", static_cast<char>(optopt)));
            return fail(fmt::format("option `{}' not supported.", arguments[static_cast<std::size_t>(optind - 1)]));
        }
        if (letter == ':') return fail(fmt::format("option `{}' requires an argument.", static_cast<char>(optopt)));
        words.options.emplace_back(static_cast<char>(letter), optarg ? optarg : "");
    }
    for (auto i = static_cast<std::size_t>(optind); i < arguments.size(); ++i) words.words.emplace_back(arguments[i]);
    if (words.has('h') && words.value('h')->empty()) return words;
    if (words.words.size() < command.least)
        return fail(fmt::format("'xl {}' requires at least {} argument{}.", command.name, command.least,
                                command.least == 1 ? "" : "s"));
    if (words.words.size() > command.most)
        return fail(fmt::format("'xl {}' takes no '{}'.", command.name, words.words[command.most]));
    return words;
}

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
    return fail(fmt::format("unknown command '{}'", name),
                near.empty() ? "xl help lists all commands" : fmt::format("did you mean '{}'?", near));
}

std::string usage(const Command& command) {
    auto text = fmt::format("Usage: xl [-vfNtT] {} {}{}\n\n{}.\n", command.name,
                            command.options.empty() ? "" : "[options] ", command.words, command.summary);
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
