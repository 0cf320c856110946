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

/// As stock xl's; the last two are create's alone, where stock ends with libxl's error numbers.
inline constexpr int exit_good = 0, exit_bad = 1, exit_usage = 2, exit_not_created = 3, exit_no_config = 6;

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

/// What a command does to the host, which decides the global options of its usage line and whether -N may run it.
enum class Effect { reads, changes, plans /**< changes, and honours -N (dry run) */ };

/// One subcommand. Less words than `least` are a usage error; those past `most` are ignored with a warning, since stock
/// xl ignores them and scripts that have one too many work there.
struct Command {
    const char* name;
    Function run;
    Effect effect;
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

/// Says on standard error what failed; gives the exit status `status` back.
int report(const Failure& failure, int status);
/// The same, with the command's usage on standard output, as stock's.
int misuse(std::string_view command, const Failure& failure, int status = exit_usage);

/// Usage text of one command; the list of all.
std::string usage(const Command& command);
std::string overview();

/// Splits the arguments behind the command's name, which is arguments[0], into options and words. An unknown option, or
/// one without its argument, is an error; the number of words is not checked. getopt's state is the process's: one
/// thread only.
Result<Words> parse_words(const Command& command, std::span<char*> arguments);

/// Checks the number of words: too few are a failure, and what is too many is taken away and returned.
Result<std::vector<std::string>> fit_words(const Command& command, Words& words);

/// Reads the options in front of the command; returns the place of the command's name in `arguments`. 'h' asks for
/// help.
Result<std::size_t> parse_globals(std::span<char*> arguments, Context& context, bool& help);

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
