// SPDX-License-Identifier: Apache-2.0
// Command line of xenstored.
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fmt/format.h>

#include "store/core/wire.hpp"

namespace xenstored {

namespace {

/// "name=number" of -Q; throws what CLI11 prints.
void set_quota(store::Quotas& quotas, std::string const& text) {
    auto const equals = text.find('=');
    std::int64_t* const limit = quotas.find(std::string_view{text}.substr(0, equals));
    auto const value = equals == std::string::npos
                           ? std::nullopt
                           : store::parse_number(std::string_view{text}.substr(equals + 1), INT32_MAX);
    if (!limit || !value) throw CLI::ValidationError("--quota", "want NAME=LIMIT, see --help");
    *limit = static_cast<std::int64_t>(*value);
}

std::string quota_help() {
    std::string text = "limit per unprivileged domain, 0 for none:";
    for (auto const& known : store::quota_names) text += fmt::format(" {}", known.name);
    return text;
}

} // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    store::Quotas& quotas = options.server.quotas;
    CLI::App app{"The xenstore daemon of Proxenos."};
    app.set_version_flag("--version", "xenstored (Proxenos) 4.17");
    app.set_help_flag("-H,--help", "show this help");
    app.add_flag_callback("-D,--no-domain-init", [&] { options.domain_init = false; }, "do not connect domain 0");
    app.add_flag_callback("--no-domains", [&] { options.hypervisor = false; }, "run without a hypervisor (tests)");
    app.add_flag_callback("-N,--no-fork", [&] { options.fork = false; }, "stay in the foreground");
    app.add_flag("-P,--output-pid", options.print_pid, "print the process id");
    app.add_flag_callback("-R,--no-recovery", [&] { options.recovery = false; }, "forget what a former daemon kept");
    app.add_flag("-K,--keep-orphans", options.server.keep_orphans, "keep nodes of destroyed domains");
    app.add_flag("-V,--verbose", options.verbose, "log every request");
    app.add_option("-F,--pid-file", options.pid_file, "write the process id to this file");
    app.add_option("-T,--trace-file", options.trace_file, "append the log to this file");
    app.add_option("--rundir", options.folder, "folder of socket and journal (default /run/xenstored)");
    app.add_option("-E,--entry-nb", quotas.nodes, "nodes per domain");
    app.add_option("-S,--entry-size", quotas.node_size, "bytes per node");
    app.add_option("-W,--watch-nb", quotas.watches, "watches per domain");
    app.add_option("-t,--transaction", quotas.transactions, "open transactions per domain");
    app.add_option("-A,--perm-nb", quotas.permissions, "permission entries per node");
    app.add_option("-M,--path-max", quotas.path_length, "length of paths");
    std::vector<std::string> ignored, limits;
    app.add_option("-Q,--quota", limits, quota_help())->take_all();
    // Accepted for scripts that pass them: nothing here needs them.
    app.add_option("-q,--quota-soft", ignored, "accepted, without effect");
    app.add_option("-w,--timeout", ignored, "accepted, without effect");
    app.add_flag_callback("-L,--preserve-local", [] {}, "accepted: nodes always stay");
    app.add_flag_callback("-I,--internal-db", [] {}, "accepted: the store is always in memory");
    try {
        app.parse(argc, argv);
        for (auto const& text : limits) set_quota(quotas, text);
    } catch (CLI::ParseError const& error) {
        std::exit(app.exit(error) == 0 ? 0 : 1);
    }
    if (options.folder.empty())
        if (char const* const folder = std::getenv("XENSTORED_RUNDIR")) options.folder = folder;
    // Debian's init script exports XENSTORED_ROOTDIR=/run/xenstored.
    if (options.folder.empty()) options.folder = "/run/xenstored";
    return options;
}

} // namespace xenstored
