// SPDX-License-Identifier: Apache-2.0
// Command line of xenconsoled.
#include "options.hpp"

#include <CLI/CLI.hpp>

namespace xenconsoled {

namespace {

/// none, guest, hv or all, into two flags.
CLI::Option* add_choice(CLI::App& app, char const* name, bool& guest, bool& hypervisor, char const* help) {
    auto const set = [&guest, &hypervisor](std::string const& value) {
        guest = value == "guest" || value == "all";
        hypervisor = value == "hv" || value == "all";
    };
    return app.add_option_function<std::string>(name, set, help)->check(CLI::IsMember({"none", "guest", "hv", "all"}));
}

} // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    CLI::App app{"The console daemon of Proxenos: a terminal and a log for each domain."};
    app.set_version_flag("-V,--version", "xenconsoled (Proxenos) 4.17");
    app.add_flag_callback("-i,--interactive", [&] { options.fork = false; }, "stay in the foreground");
    app.add_flag("-v,--verbose", options.verbose, "say more in the system log");
    add_choice(app, "--log", options.log_guests, options.log_hypervisor, "what to log: none, guest, hv, all");
    add_choice(app, "-t,--timestamp", options.stamp_guests, options.stamp_hypervisor, "logs whose lines get a time");
    app.add_option("--log-dir", options.log_folder, "folder of the logs");
    app.add_option("--log-size", options.log_size, "bytes of a log before it is rotated, 0 for never")
        ->transform(CLI::AsSizeValue{false});
    app.add_option_function<std::string>(
           "-o,--overflow-data", [&](std::string const& value) { options.keep_overflow = value == "keep"; },
           "of output that nobody reads, 'keep' the oldest or 'discard' it")
        ->check(CLI::IsMember({"discard", "keep"}));
    app.add_flag("--replace-escape", options.replace_escape, "write escape characters as '.' to the logs");
    app.add_option("--pid-file", options.pid_file, "write the process id to this file");
    try {
        app.parse(argc, argv);
    } catch (CLI::ParseError const& error) {
        std::exit(app.exit(error) == 0 ? 0 : 1);
    }
    return options;
}

} // namespace xenconsoled
