// SPDX-License-Identifier: Apache-2.0
// What a subcommand is: its entry in the one table, its options, and how it reports.
#pragma once

#include "domain/session.hpp"

#include <fmt/format.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xl {

using domain::DomId;
using domain::fail;
using domain::Failure;
using domain::Result;

inline constexpr int exit_good = 0, exit_bad = 1, exit_usage = 2;

/// One option of a command. `value` names its argument in the usage text; null when it has none.
struct Option {
    char letter;
    const char* name;
    const char* value;
    const char* help;
};

/// Global options and what the run works through.
struct Context {
    domain::Session session;
    int verbose = 0;
    bool dry_run = false;
    bool force = false;
    bool timestamps = false;
};

/// Options and words of a command line, checked against the command's entry.
class Words {
  public:
    bool has(char letter) const { return value(letter) != nullptr; }
    /// The option's last argument (empty for one that takes none), or null.
    const std::string* value(char letter) const;
    /// All arguments of an option that may be repeated.
    std::vector<std::string> values(char letter) const;
    std::vector<std::string> words; ///< what is not an option

    std::vector<std::pair<char, std::string>> options;
};

struct Command;
using Function = Result<int> (*)(Context&, const Words&);

/// One subcommand. `least` and `most` bound the number of words.
struct Command {
    const char* name;
    Function run;
    const char* words;   ///< of the usage line: "<Domain>"
    const char* summary; ///< one line
    unsigned least = 0, most = 0;
    std::span<const Option> options{};
    char first_word = 0; ///< for completion: 'd' a domain, 'f' a file, 0 nothing
};

/// The table, in the order of "xl help".
std::span<const Command> commands();

/// The command meant by an exact name or an unambiguous prefix.
Result<const Command*> find_command(std::string_view name);

/// Usage text of one command; the list of all.
std::string usage(const Command& command);
std::string overview();

/// Parses options and words; errors are usage errors.
Result<Words> parse_words(const Command& command, std::span<char*> arguments);

/// Writes to standard output; text is buffered until the program ends.
template <class... T> void out(fmt::format_string<T...> format, T&&... arguments) {
    auto text = fmt::format(format, std::forward<T>(arguments)...);
    fwrite(text.data(), 1, text.size(), stdout);
}

/// Writes a line to standard error.
template <class... T> void note(fmt::format_string<T...> format, T&&... arguments) {
    auto text = fmt::format(format, std::forward<T>(arguments)...) + "\n";
    fwrite(text.data(), 1, text.size(), stderr);
}

} // namespace xl
