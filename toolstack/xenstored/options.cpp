// SPDX-License-Identifier: Apache-2.0
// Command line of xenstored.
#include "options.hpp"

#include <cstdlib>
#include <fmt/format.h>

#include "base/text.hpp"
#include "daemon/command_line.hpp"

namespace xenstored {

namespace {

/// A limit: 0 (none) to INT32_MAX, as stock's int.
bool set_limit(std::int64_t* limit, std::string_view text) {
    auto const value = toolstack::to_unsigned(text);
    if (!limit || !value || *value > INT32_MAX) return false;
    *limit = static_cast<std::int64_t>(*value);
    return true;
}

/// "name=number" of -Q.
bool set_quota(store::Quotas& quotas, std::string_view text) {
    auto const equals = text.find('=');
    return equals != std::string_view::npos && set_limit(quotas.find(text.substr(0, equals)), text.substr(equals + 1));
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
    auto const flag = [](bool& target, bool value) {
        return [&target, value](std::string const&) { return (target = value, true); };
    };
    auto const text = [](std::string& target) {
        return [&target](std::string const& value) { return (target = value, true); };
    };
    auto const limit = [](std::int64_t& target) {
        return [&target](std::string const& value) { return set_limit(&target, value); };
    };
    auto const accepted = [](std::string const&) { return true; };
    toolstack::DaemonOption const table[] = {
        {'D', "no-domain-init", nullptr, "do not connect domain 0", flag(options.domain_init, false)},
        {0, "no-domains", nullptr, "run without a hypervisor (tests)", flag(options.hypervisor, false)},
        {'N', "no-fork", nullptr, "stay in the foreground", flag(options.fork, false)},
        {'P', "output-pid", nullptr, "print the process id", flag(options.print_pid, true)},
        {'R', "no-recovery", nullptr, "forget what a former daemon kept", flag(options.recovery, false)},
        {'K', "keep-orphans", nullptr, "keep nodes of destroyed domains", flag(options.server.keep_orphans, true)},
        {'V', "verbose", nullptr, "log every request", flag(options.verbose, true)},
        {'F', "pid-file", "FILE", "write the process id to this file", text(options.pid_file)},
        {'T', "trace-file", "FILE", "append the log to this file", text(options.trace_file)},
        {0, "rundir", "FOLDER", "folder of socket and journal (default /run/xenstored)", text(options.folder)},
        {'E', "entry-nb", "N", "nodes per domain", limit(quotas.nodes)},
        {'S', "entry-size", "N", "bytes per node", limit(quotas.node_size)},
        {'W', "watch-nb", "N", "watches per domain", limit(quotas.watches)},
        {'t', "transaction", "N", "open transactions per domain", limit(quotas.transactions)},
        {'A', "perm-nb", "N", "permission entries per node", limit(quotas.permissions)},
        {'M', "path-max", "N", "length of paths", limit(quotas.path_length)},
        {'Q', "quota", "NAME=N", quota_help(), [&](std::string const& value) { return set_quota(quotas, value); }},
        // Accepted for scripts that pass them: nothing here needs them.
        {'q', "quota-soft", "NAME=N", "accepted, without effect", accepted},
        {'w', "timeout", "WHAT=N", "accepted, without effect", accepted},
        {'L', "preserve-local", nullptr, "accepted: nodes always stay", accepted},
        {'I', "internal-db", nullptr, "accepted: the store is always in memory", accepted},
    };
    toolstack::take_command_line({"xenstored", "The xenstore daemon of Proxenos.", 'H', 0}, table, argc, argv);
    if (options.folder.empty())
        if (char const* const folder = std::getenv("XENSTORED_RUNDIR")) options.folder = folder;
    // Debian's init script exports XENSTORED_ROOTDIR=/run/xenstored.
    if (options.folder.empty()) options.folder = "/run/xenstored";
    return options;
}

} // namespace xenstored
