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
        if (!has_room(from, static_cast<std::int64_t>(watch->bytes()))) return std::unexpected(ENOMEM);
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

/// Tells those watches of a group that `lists` let their domains read: one of the lists is enough. Most nodes are
/// closed to all but the domains that their lists name. Then only these are looked for, however many domains watch.
template <class Tell> void Server::tell_readers(WatchGroup const& group, Readers const& lists, Tell tell) {
    auto const tell_all = [&](WatchGroup::const_iterator found) {
        if (found == group.end()) return;
        ++work_.verdicts;
        Identity const& who = found->second.front()->owner->who;
        auto const readable = [&](Permissions const& list) { return (access_of(*list, who) & access_read) != 0; };
        if (!who.is_privileged() && std::ranges::none_of(lists, readable)) return;
        for (Watch* const watch : found->second) {
            ++work_.watches;
            tell(*watch);
        }
    };
    bool const open =
        std::ranges::any_of(lists, [](Permissions const& list) { return (list->front().access & access_read) != 0; });
    if (open) {
        for (auto at = group.begin(); at != group.end(); ++at) tell_all(at);
        return;
    }
    std::vector<abi::domid_t> candidates{0};
    for (Permissions const& list : lists)
        for (Permission const permission : *list) candidates.push_back(permission.domid);
    auto const named = candidates.size();
    for (auto const& [model, target] : device_models_)
        if (std::find(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(named), target) !=
            candidates.begin() + static_cast<std::ptrdiff_t>(named))
            candidates.push_back(model);
    std::ranges::sort(candidates);
    auto const twice = std::ranges::unique(candidates);
    candidates.erase(twice.begin(), twice.end());
    for (auto const domid : candidates) tell_all(group.find(domid));
}

void Server::tell(Watch& watch, std::string_view changed) {
    Connection& owner = *watch.owner;
    owner.event(watch, changed,
                owner.who.is_privileged() || has_room(owner, static_cast<std::int64_t>(changed.size())));
}

void Server::fire(Change const& change) {
    if (watches_.empty()) return;
    ++work_.changes;
    Readers lists; // those of the node and its parent, before and after
    if (change.effect.removed) lists.push_back(change.effect.removed->permissions);
    if (change.effect.old_permissions) lists.push_back(change.effect.old_permissions);
    if (Node const* const node = tree_.find(change.path)) lists.push_back(node->permissions);
    if (Node const* const parent = tree_.find(parent_of(change.path))) lists.push_back(parent->permissions);
    watches_.for_covering(change.path, [&](WatchGroup const& group) {
        tell_readers(group, lists, [&](Watch& watch) {
            if (watch.covers(change.path)) tell(watch, change.path);
        });
    });
    if (change.effect.removed) fire_removed(change);
}

/// Nodes that went away with the one removed: only watches on exactly them learn of it.
void Server::fire_removed(Change const& change) {
    if (change.effect.removed->children.empty()) return;
    for_each_node(change.path, *change.effect.removed, [&](std::string const& path, Node const& node) {
        if (&node == change.effect.removed.get()) return;
        watches_.for_exact(path, [&](WatchGroup const& group) {
            tell_readers(group, {node.permissions}, [&](Watch& watch) { tell(watch, path); });
        });
    });
}

void Server::fire_special(std::string_view name) {
    Permissions const& list = special_.find(name)->second;
    watches_.for_exact(
        name, [&](WatchGroup const& group) { tell_readers(group, {list}, [&](Watch& watch) { tell(watch, name); }); });
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
