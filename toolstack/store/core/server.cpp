// SPDX-License-Identifier: Apache-2.0
// Dispatch of requests, and connections.
#include "store/core/server.hpp"

#include <array>
#include <fmt/format.h>

namespace store {

Server::Server(DomainHost& host, ServerOptions options) : host_{host}, options_{options} {
    auto const closed = std::make_shared<PermissionList>(PermissionList{{0, access_none}});
    special_.emplace("@introduceDomain", closed);
    special_.emplace("@releaseDomain", closed);
    accounts_.add(tree_.root());
}

Server::~Server() = default;

void Server::populate() {
    Mutation tool;
    tool.kind = Mutation::Kind::Create;
    tool.path = "/tool/xenstored";
    encode(log_, tool);
    (void)apply(tree_, accounts_, generation_, tool);
}

Connection& Server::open_socket() {
    auto connection = std::make_unique<Connection>(Connection::Kind::Socket, Identity{}, busy_);
    Connection& opened = *connection;
    sockets_.emplace(&opened, std::move(connection));
    return opened;
}

void Server::close_socket(Connection& connection) {
    drop_all(connection);
    std::erase(busy_, &connection);
    sockets_.erase(&connection);
}

bool Server::may_handle(Connection const& connection) const {
    if (connection.kind == Connection::Kind::Socket) return connection.pending().size() < (256u << 10);
    auto const limit = options_.quotas.outstanding;
    return connection.who.is_privileged() || limit == 0 || connection.outstanding() < static_cast<std::size_t>(limit);
}

std::int64_t Server::held_bytes(Connection const& connection) const {
    std::int64_t const nodes = connection.kind == Connection::Kind::Ring ? accounts_.of(connection.who.domid).bytes : 0;
    return nodes + connection.watch_bytes + connection.waiting_bytes() + connection.transaction_bytes() +
           connection.kept_alive_bytes();
}

/// Whether an unprivileged client may make the daemon keep so much more.
bool Server::has_room(Connection const& connection, std::int64_t bytes) const {
    return options_.quotas.memory == 0 || held_bytes(connection) + bytes <= options_.quotas.memory;
}

Server::Handler Server::handler_of(std::uint32_t type) {
    static constexpr auto table = [] {
        std::array<Handler, abi::xenstore_op_count> handlers{};
        auto const set = [&](Op op, Handler handler) { handlers[static_cast<std::size_t>(op)] = handler; };
        set(Op::Control, &Server::control);
        set(Op::Directory, &Server::directory);
        set(Op::Read, &Server::read);
        set(Op::GetPerms, &Server::get_permissions);
        set(Op::Watch, &Server::watch);
        set(Op::Unwatch, &Server::unwatch);
        set(Op::TransactionStart, &Server::transaction_start);
        set(Op::TransactionEnd, &Server::transaction_end);
        set(Op::Introduce, &Server::introduce_request);
        set(Op::Release, &Server::release);
        set(Op::GetDomainPath, &Server::get_domain_path);
        set(Op::Write, &Server::write);
        set(Op::Mkdir, &Server::make_directory);
        set(Op::Rm, &Server::remove);
        set(Op::SetPerms, &Server::set_permissions);
        set(Op::IsDomainIntroduced, &Server::is_introduced);
        set(Op::Resume, &Server::resume);
        set(Op::SetTarget, &Server::set_target);
        set(Op::ResetWatches, &Server::reset_watches);
        set(Op::DirectoryPart, &Server::directory_part);
        return handlers;
    }();
    return type < table.size() ? table[type] : nullptr;
}

void Server::handle(Connection& from, Header const& header, std::string_view payload) {
    Request request{from, header, payload, from.begin_reply()};
    Handler const handler = handler_of(header.type);
    Outcome const outcome = handler ? (this->*handler)(request) : std::unexpected(ENOSYS);
    if (outcome) from.finish_reply(header);
    else from.fail_reply(header, outcome.error());
    if (log_requests_) // quoted: what a guest sends must not end the line or steer a terminal
        host_.log(fmt::format("domain {} op {} tx {} {:?}: {}", from.who.domid, header.type, header.tx_id,
                              payload.substr(0, payload.find('\0')), outcome ? "ok" : error_name(outcome.error())));
    fire_pending();
}

} // namespace store
