// SPDX-License-Identifier: Apache-2.0
// Watches: registering them, and firing those that a change concerns.
#include <algorithm>
#include <cerrno>
#include <set>

#include "store/core/server.hpp"

namespace store {

void Server::add_watch(Connection& connection, std::unique_ptr<Watch> watch) {
    watches_.add(*watch);
    connection.watch_bytes += static_cast<std::int64_t>(watch->bytes());
    connection.watches.push_back(std::move(watch));
}

void Server::drop_watch(Connection& connection, std::size_t index) {
    Watch& watch = *connection.watches[index];
    connection.forget_events(watch);
    watches_.remove(watch);
    connection.watch_bytes -= static_cast<std::int64_t>(watch.bytes());
    connection.watches.erase(connection.watches.begin() + static_cast<std::ptrdiff_t>(index));
}

void Server::drop_all(Connection& connection) {
    while (!connection.watches.empty()) drop_watch(connection, connection.watches.size() - 1);
    connection.transactions.clear();
}

Outcome Server::watch(Request& request) {
    Connection& from = request.from;
    Strings strings{request.payload};
    auto const given = strings.next();
    auto const token = strings.next();
    if (!given || !token) return std::unexpected(EINVAL);
    auto watch = std::make_unique<Watch>();
    if (!strings.rest().empty()) {
        auto const text = strings.next();
        auto const depth = text ? parse_number(*text, UINT32_MAX) : std::nullopt;
        if (!depth || !strings.rest().empty()) return std::unexpected(EINVAL);
        watch->depth = static_cast<unsigned>(*depth);
    }
    auto const path = Path::canonical(*given, from.who.domid, true);
    if (!path) return std::unexpected(path.error());
    for (auto const& known : from.watches)
        if (known->path == path->view() && known->token == *token) return std::unexpected(EEXIST);
    watch->owner = &from;
    watch->path = path->view();
    watch->given = *given;
    watch->token = *token;
    if (!from.who.is_privileged()) {
        auto const limit = options_.quotas.watches;
        if (limit && static_cast<std::int64_t>(from.watches.size()) >= limit) return std::unexpected(E2BIG);
        auto const held = accounts_.of(from.who.domid).bytes + from.watch_bytes;
        if (options_.quotas.memory && held + static_cast<std::int64_t>(watch->bytes()) > options_.quotas.memory)
            return std::unexpected(ENOMEM);
    }
    if (from.kind == Connection::Kind::Ring)
        Encoder{log_, RecordKind::Watch}
            .u16(from.who.domid)
            .text(watch->path)
            .text(watch->given)
            .text(watch->token)
            .u64(watch->depth.value_or(UINT64_MAX));
    new_watch_ = {watch.get(), true};
    add_watch(from, std::move(watch));
    request.reply.append("OK\0", 3);
    return {};
}

Outcome Server::unwatch(Request& request) {
    Connection& from = request.from;
    Strings strings{request.payload};
    auto const given = strings.next();
    auto const token = strings.next();
    if (!given || !token || !strings.rest().empty()) return std::unexpected(EINVAL);
    auto const path = Path::canonical(*given, from.who.domid, true);
    if (!path) return std::unexpected(ENOENT); // nothing can be watched there
    auto const found = std::ranges::find_if(
        from.watches, [&](auto const& known) { return known->path == path->view() && known->token == *token; });
    if (found == from.watches.end()) return std::unexpected(ENOENT);
    if (from.kind == Connection::Kind::Ring)
        Encoder{log_, RecordKind::Unwatch}.u16(from.who.domid).text(path->view()).text(*token);
    drop_watch(from, static_cast<std::size_t>(found - from.watches.begin()));
    request.reply.append("OK\0", 3);
    return {};
}

Outcome Server::reset_watches(Request& request) {
    Connection& from = request.from;
    if (from.kind == Connection::Kind::Ring) {
        for (auto const& watch : from.watches)
            Encoder{log_, RecordKind::Unwatch}.u16(from.who.domid).text(watch->path).text(watch->token);
        for (auto const& [id, transaction] : from.transactions)
            Encoder{log_, RecordKind::TransactionEnd}.u16(from.who.domid).u32(id);
    }
    drop_all(from);
    request.reply.append("OK\0", 3);
    return {};
}

bool Server::may_see(Identity const& who, Change const& change) const {
    if (who.is_privileged()) return true;
    auto const readable = [&](Permissions const& list) { return (access_of(*list, who) & access_read) != 0; };
    if (change.effect.removed && readable(change.effect.removed->permissions)) return true;
    if (change.effect.old_permissions && readable(change.effect.old_permissions)) return true;
    if (Node const* const node = tree_.find(change.path); node && readable(node->permissions)) return true;
    Node const* const parent = tree_.find(parent_of(change.path));
    return parent && readable(parent->permissions);
}

void Server::fire(Change const& change) {
    watches_.for_covering(change.path, [&](Watch& watch) {
        if (may_see(watch.owner->who, change)) watch.owner->event(watch, change.path);
    });
    if (change.effect.removed) fire_removed(change);
}

/// Nodes that went away with the one removed: only watches on exactly them learn of it.
void Server::fire_removed(Change const& change) {
    if (watches_.empty() || change.effect.removed->children.empty()) return;
    for_each_node(change.path, *change.effect.removed, [&](std::string const& path, Node const& node) {
        if (&node == change.effect.removed.get()) return;
        watches_.for_exact(path, [&](Watch& watch) {
            Identity const& who = watch.owner->who;
            if (access_of(*node.permissions, who) & access_read) watch.owner->event(watch, path);
        });
    });
}

void Server::fire_special(std::string_view name) {
    Permissions const& list = special_.find(name)->second;
    watches_.for_exact(name, [&](Watch& watch) {
        if (access_of(*list, watch.owner->who) & access_read) watch.owner->event(watch, name);
    });
}

void Server::fire_pending() {
    if (new_watch_.second) {
        new_watch_.first->owner->event(*new_watch_.first, new_watch_.first->path);
        new_watch_.second = false;
    }
    if (!changes_.empty()) {
        auto const changes = std::move(changes_);
        changes_.clear();
        for (Change const& change : changes) fire(change);
    }
    for (auto const& name : announcements_) fire_special(name);
    announcements_.clear();
}

} // namespace store
