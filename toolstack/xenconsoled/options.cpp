// SPDX-License-Identifier: Apache-2.0
// Command line of xenconsoled.
#include "options.hpp"

#include <optional>

#include "base/text.hpp"
#include "daemon/command_line.hpp"

namespace xenconsoled {

namespace {

/// A setter for none, guest, hv or all, into two flags.
auto into(bool& guest, bool& hypervisor) {
    return [&guest, &hypervisor](std::string const& value) {
        guest = value == "guest" || value == "all";
        hypervisor = value == "hv" || value == "all";
        return guest || hypervisor || value == "none";
    };
}

/// A size in bytes: a number with k, m or g (powers of 1024) behind it, or with none.
std::optional<std::uint64_t> bytes(std::string text) {
    text = toolstack::lower(text);
    for (auto const suffix : {"ib", "b"})
        if (text.ends_with(suffix)) {
            text.erase(text.size() - std::string_view{suffix}.size());
            break;
        }
    unsigned shift = 0;
    for (unsigned const power : {1u, 2u, 3u})
        if (text.ends_with(" kmg"[power])) shift = 10 * power;
    if (shift) text.pop_back();
    auto const number = toolstack::to_unsigned(toolstack::trim(text));
    if (!number || *number > UINT64_MAX >> shift) return {};
    return *number << shift;
}

} // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    auto const flag = [](bool& target, bool value = true) {
        return [&target, value](std::string const&) { return (target = value, true); };
    };
    auto const text = [](std::string& target) {
        return [&target](std::string const& value) { return (target = value, true); };
    };
    auto const size = [&](std::string const& value) {
        auto const found = bytes(value);
        options.log_size = found.value_or(0);
        return found.has_value();
    };
    auto const overflow = [&](std::string const& value) {
        options.keep_overflow = value == "keep";
        return value == "keep" || value == "discard";
    };
    toolstack::DaemonOption const table[] = {
        {'i', "interactive", nullptr, "stay in the foreground", flag(options.fork, false)},
        {'v', "verbose", nullptr, "say more in the system log", flag(options.verbose)},
        {0, "log", "WHAT", "what to log: none, guest, hv, all", into(options.log_guests, options.log_hypervisor)},
        {'t', "timestamp", "WHAT", "logs whose lines get a time: none, guest, hv, all",
         into(options.stamp_guests, options.stamp_hypervisor)},
        {0, "log-dir", "FOLDER", "folder of the logs", text(options.log_folder)},
        {0, "log-size", "BYTES", "bytes of a log before it is rotated (k, m, g), 0 for never", size},
        {'o', "overflow-data", "WHICH", "of output that nobody reads, 'keep' the oldest or 'discard' it", overflow},
        {0, "replace-escape", nullptr, "write escape characters as '.' to the logs", flag(options.replace_escape)},
        {0, "pid-file", "FILE", "write the process id to this file", text(options.pid_file)},
    };
    toolstack::take_command_line(
        {"xenconsoled", "The console daemon of Proxenos: a terminal and a log for each domain.", 'h', 'V'}, table, argc,
        argv);
    return options;
}

} // namespace xenconsoled
