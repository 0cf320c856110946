// SPDX-License-Identifier: Apache-2.0
// The control request: what xenstore-control asks of a running daemon.
#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <functional>
#include <iterator>

#include "store/core/server.hpp"

namespace store {

namespace {

constexpr std::string_view help = "check\nhelp\nlog on|off\nmemreport\nprint <text>\n"
                                  "quota [set <name> <limit>|<domid>]\n";

} // namespace

Outcome Server::control(Request& request) {
    if (!request.from.who.is_privileged()) return std::unexpected(EACCES);
    Strings strings{request.payload};
    auto const command = strings.next();
    if (!command) return std::unexpected(EINVAL);
    std::string& reply = request.reply;
    if (*command == "check") reply += check();
    else if (*command == "help") reply += help;
    else if (*command == "memreport") report_memory(reply);
    else if (*command == "print") {
        auto const text = strings.next();
        if (!text) return std::unexpected(EINVAL);
        host_.log(fmt::format("control: {}", *text));
        reply += "OK";
    } else if (*command == "log") {
        auto const state = strings.next();
        if (state && *state != "on" && *state != "off") return std::unexpected(EINVAL);
        if (state) log_requests_ = *state == "on";
        reply += state ? "OK" : log_requests_ ? "on" : "off";
    } else if (*command == "quota") {
        if (auto const done = control_quota(request, strings); !done) return done;
    } else return std::unexpected(EINVAL);
    reply += '\0';
    return {};
}

Outcome Server::control_quota(Request const& request, Strings& arguments) {
    auto const first = arguments.next();
    std::string& reply = request.reply;
    if (!first || first->empty()) {
        for (QuotaName const& known : quota_names)
            fmt::format_to(std::back_inserter(reply), "{:<18}: {:>8} {}\n", known.name, options_.quotas.*known.limit,
                           known.meaning);
        return {};
    }
    if (*first == "set") {
        auto const name = arguments.next(), text = arguments.next();
        if (!name || !text) return std::unexpected(EINVAL);
        std::int64_t* const limit = options_.quotas.find(*name);
        auto const number = parse_number(*text, INT32_MAX);
        if (!limit || !number) return std::unexpected(EINVAL);
        *limit = static_cast<std::int64_t>(*number);
        set_quotas_.insert_or_assign(std::string{*name}, *limit);
        Encoder{log_, RecordKind::Quota}.text(*name).u64(*number);
        reply += "OK";
        return {};
    }
    auto const domid = parse_number(*first, UINT16_MAX);
    if (!domid) return std::unexpected(EINVAL);
    Usage const usage = accounts_.of(static_cast<abi::domid_t>(*domid));
    Domain const* const domain = find_domain(static_cast<abi::domid_t>(*domid));
    if (!domain) return std::unexpected(ENOENT);
    fmt::format_to(
        std::back_inserter(reply),
        "nodes       : {:>8}\nwatches     : {:>8}\ntransactions: {:>8}\noutstanding : {:>8}\nmemory      : {:>8}\n",
        usage.nodes, domain->connection->watches.size(), domain->connection->transactions.size(),
        domain->connection->outstanding(), held_bytes(*domain->connection));
    return {};
}

void Server::report_memory(std::string& out) const {
    fmt::format_to(std::back_inserter(out), "sockets {}, domains {}, generation {}\n", sockets_.size(), domains_.size(),
                   generation_);
    // As many as fit in a reply, those with most memory first.
    std::vector<std::pair<std::int64_t, std::string>> lines;
    for (auto const& [domid, usage] : accounts_) {
        auto const found = domains_.find(domid);
        auto const held = found == domains_.end() ? usage.bytes : held_bytes(*found->second.connection);
        lines.emplace_back(held, fmt::format("domain {}: {} bytes, {} nodes of {} bytes, {} permission entries\n",
                                             domid, held, usage.nodes, usage.bytes, usage.mentions));
    }
    std::ranges::sort(lines, std::greater<>{});
    constexpr std::size_t room = payload_max - 256;
    std::size_t shown = 0, length = 0;
    for (; shown < lines.size() && length + lines[shown].second.size() <= room; length += lines[shown++].second.size())
        out += lines[shown].second;
    if (shown < lines.size()) fmt::format_to(std::back_inserter(out), "and {} domains more\n", lines.size() - shown);
}

/// Compares the accounts with the tree; the tree itself cannot be inconsistent.
std::string Server::check() const {
    Accounts counted;
    for_each_node("/", tree_.root(), [&](std::string const&, Node const& node) { counted.add(node); });
    for (auto const& [domid, usage] : accounts_) {
        Usage const found = counted.of(domid);
        if (found.nodes != usage.nodes || found.bytes != usage.bytes || found.mentions != usage.mentions)
            return fmt::format("accounts of domain {} are wrong: {} nodes, found {}", domid, usage.nodes, found.nodes);
    }
    return "OK";
}

} // namespace store
