// SPDX-License-Identifier: Apache-2.0
// Requests about nodes: read, list, write, create, remove, permissions.
#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

#include "store/core/server.hpp"

namespace store {

namespace {

void acknowledge(Request& request) { request.reply.append("OK\0", 3); }

/// The single path of a payload: the string up to its NUL, or all of it without one (as 4.17 takes it).
std::expected<std::string_view, int> only_string(std::string_view payload) {
    auto const end = payload.find('\0');
    if (end == std::string_view::npos || end + 1 != payload.size()) return std::unexpected(EINVAL);
    return payload.substr(0, end);
}

/// Memory of a node that is made, beside its name and value.
constexpr std::int64_t created_node_bytes = sizeof(Node) + 96;

/// What a change below `path` must copy at most: each node on the way, with its list of children.
std::int64_t copy_bytes(Tree const& tree, std::string_view path) {
    std::int64_t bytes = 0;
    tree.for_each_on_path(path, [&](Node const& node) {
        bytes += node_bytes(node) + static_cast<std::int64_t>(node.children.size() * sizeof(NodePtr));
    });
    return bytes;
}

std::int64_t missing_nodes(std::string_view path, std::string_view nearest) {
    auto const rest = path.substr(nearest == "/" ? 0 : nearest.size());
    return std::ranges::count(rest, '/');
}

} // namespace

std::expected<Server::View, int> Server::view(Request const& request) {
    if (request.header.tx_id == 0) return View{&tree_, nullptr};
    auto const found = request.from.transactions.find(request.header.tx_id);
    if (found == request.from.transactions.end()) return std::unexpected(ENOENT);
    return View{&found->second->tree(), found->second.get()};
}

std::expected<Node const*, int> Server::look_up(Request const& request, View const& view, std::string_view path,
                                                std::uint8_t need, OpenTransaction::Dependency part) {
    Identity const& who = request.from.who;
    auto const& quotas = options_.quotas;
    if (!who.is_privileged() && quotas.path_length && path.size() > static_cast<std::size_t>(quotas.path_length))
        return std::unexpected(EINVAL);
    auto const nearest = view.tree->find_nearest(path);
    if (OpenTransaction* const transaction = view.transaction) {
        if (!who.is_privileged() && quotas.transaction_nodes &&
            transaction->dependencies() >= static_cast<std::size_t>(quotas.transaction_nodes))
            return std::unexpected(ENOSPC);
        if (!who.is_privileged() && !has_room(request.from, 2 * OpenTransaction::dependency_size(path)))
            return std::unexpected(ENOMEM);
        transaction->depend(nearest.path, OpenTransaction::content);
        if (nearest.exact) transaction->depend(nearest.path, part);
        else transaction->depend(nearest.first_missing, OpenTransaction::content);
    }
    bool const allowed = (access_of(*nearest.node->permissions, who) & need) == need;
    if (!allowed) return std::unexpected(EACCES);
    if (!nearest.exact) return std::unexpected(ENOENT);
    return nearest.node;
}

std::expected<Server::Place, int> Server::locate(Request const& request, std::string_view given, std::uint8_t need,
                                                 OpenTransaction::Dependency part) {
    auto const seen = view(request);
    if (!seen) return std::unexpected(seen.error());
    auto path = Path::canonical(given, request.from.who.domid);
    if (!path) return std::unexpected(path.error());
    auto const node = look_up(request, *seen, path->view(), need, part);
    return Place{*seen, std::move(*path), node};
}

std::expected<Node const*, int> Server::get(Request const& request, std::string_view given, std::uint8_t need,
                                            OpenTransaction::Dependency part) {
    auto const place = locate(request, given, need, part);
    return place ? place->node : std::unexpected(place.error());
}

Outcome Server::read(Request& request) {
    auto const given = only_string(request.payload);
    if (!given) return std::unexpected(given.error());
    auto const node = get(request, *given, access_read, OpenTransaction::content);
    if (!node) return std::unexpected(node.error());
    request.reply.append((*node)->value);
    return {};
}

Outcome Server::directory(Request& request) {
    auto const given = only_string(request.payload);
    if (!given) return std::unexpected(given.error());
    auto const node = get(request, *given, access_read, OpenTransaction::children);
    if (!node) return std::unexpected(node.error());
    std::size_t size = 0;
    for (NodePtr const& child : (*node)->children) size += child->name.size() + 1;
    if (size > payload_max) return std::unexpected(E2BIG);
    for (Node const* const child : (*node)->listing()) request.reply.append(child->name).push_back('\0');
    return {};
}

Outcome Server::directory_part(Request& request) {
    Strings strings{request.payload};
    auto const given = strings.next();
    auto const offset_text = strings.next();
    if (!given || !offset_text || !strings.rest().empty()) return std::unexpected(EINVAL);
    auto const offset = parse_number(*offset_text);
    if (!offset) return std::unexpected(EINVAL);
    auto const node = get(request, *given, access_read, OpenTransaction::children);
    if (!node) return std::unexpected(node.error());
    std::string& reply = request.reply;
    auto const start = reply.size();
    reply.append(fmt::format_int((*node)->generation()).c_str()).push_back('\0');
    std::uint64_t position = 0;
    for (Node const* const child : (*node)->listing()) {
        std::uint64_t const here = position;
        position += child->name.size() + 1;
        if (here < *offset) continue;
        // One byte stays free for the empty string that ends the list.
        if (reply.size() - start + child->name.size() + 1 >= payload_max) return {};
        reply.append(child->name).push_back('\0');
    }
    reply.push_back('\0');
    return {};
}

Outcome Server::get_permissions(Request& request) {
    auto const given = only_string(request.payload);
    if (!given) return std::unexpected(given.error());
    Permissions list;
    if (is_special(*given)) {
        auto const found = special_.find(*given);
        if (found == special_.end()) return std::unexpected(ENOENT);
        if (!(access_of(*found->second, request.from.who) & access_read)) return std::unexpected(EACCES);
        list = found->second;
    } else {
        auto const node = get(request, *given, access_read, OpenTransaction::content);
        if (!node) return std::unexpected(node.error());
        list = (*node)->permissions;
    }
    for (Permission const permission : *list) append_permission(request.reply, permission);
    return {};
}

Outcome Server::check_quota(Request const& request, View const& view, Mutation const& mutation) const {
    Identity const& who = request.from.who;
    if (who.is_privileged()) return {};
    Quotas const& quotas = options_.quotas;
    if (view.transaction && quotas.transaction_nodes &&
        view.transaction->steps().size() >= static_cast<std::size_t>(quotas.transaction_nodes))
        return std::unexpected(ENOSPC);
    auto const nearest = view.tree->find_nearest(mutation.path);
    // What its own snapshots share is copied for it, in the private tree or in the live one.
    auto const copies = request.from.transactions.empty() ? 0 : copy_bytes(*view.tree, nearest.path);
    auto const step = view.transaction ? OpenTransaction::bytes_of(mutation) : 0;
    if (!has_room(request.from, copies + step) && (copies || step)) return std::unexpected(ENOMEM);
    if (mutation.kind == Mutation::Kind::Remove) return {};
    auto const extra_permissions =
        mutation.permissions ? mutation.permissions->size() : nearest.node->permissions->size();
    if (mutation.kind == Mutation::Kind::SetPermissions && quotas.permissions &&
        extra_permissions > static_cast<std::size_t>(quotas.permissions))
        return std::unexpected(ENOSPC);
    auto const value = static_cast<std::int64_t>(mutation.value.size());
    std::int64_t size = 24 + 8 * static_cast<std::int64_t>(extra_permissions) + value;
    if (nearest.exact)
        size += record_size(*nearest.node) - static_cast<std::int64_t>(nearest.node->value.size()) - 24 -
                8 * static_cast<std::int64_t>(nearest.node->permissions->size());
    auto const name = static_cast<std::int64_t>(name_of(nearest.first_missing).size()) + 1;
    if (quotas.node_size &&
        (size >= quotas.node_size || (!nearest.exact && record_size(*nearest.node) + name >= quotas.node_size)))
        return std::unexpected(ENOSPC);
    Usage const live = accounts_.of(who.domid);
    Usage const own = view.transaction ? view.transaction->accounts().of(who.domid) : Usage{};
    auto const created = nearest.exact ? 0 : missing_nodes(mutation.path, nearest.path);
    if (created && quotas.nodes && live.nodes + own.nodes + created > quotas.nodes) return std::unexpected(ENOSPC);
    auto const names = nearest.exact ? 0 : static_cast<std::int64_t>(mutation.path.size() - nearest.path.size());
    if (!has_room(request.from, value + names + created * created_node_bytes)) return std::unexpected(ENOMEM);
    return {};
}

Outcome Server::change(Request const& request, View const& view, Mutation mutation) {
    if (auto const allowed = check_quota(request, view, mutation); !allowed) return allowed;
    Accounts& accounts = view.transaction ? view.transaction->accounts() : accounts_;
    auto const copied = view.tree->copied_bytes();
    auto const nearest = view.transaction ? view.tree->find_nearest(mutation.path) : Tree::Nearest{};
    auto const created = view.transaction && !nearest.exact ? missing_nodes(mutation.path, nearest.path) : 0;
    auto effect = apply(*view.tree, accounts, generation_, mutation);
    if (!effect) return std::unexpected(effect.error());
    if (view.transaction) {
        view.transaction->add_created(created);
        if (effect->changed) view.transaction->record(std::move(mutation), std::move(*effect));
        return {};
    }
    request.from.copied_bytes += view.tree->copied_bytes() - copied;
    if (!effect->changed) return {};
    encode(log_, mutation);
    changes_.push_back({std::move(mutation.path), std::move(*effect)});
    return {};
}

Outcome Server::write(Request& request) {
    Strings strings{request.payload};
    auto const given = strings.next();
    if (!given) return std::unexpected(EINVAL);
    auto const place = locate(request, *given, access_write, OpenTransaction::content);
    if (!place) return std::unexpected(place.error());
    if (!place->node && place->node.error() != ENOENT) return std::unexpected(place->node.error());
    Mutation mutation;
    mutation.path = place->path.view();
    mutation.value = strings.rest();
    if (!request.from.who.is_privileged()) mutation.creator = request.from.who.domid;
    if (auto const done = change(request, place->view, std::move(mutation)); !done) return done;
    acknowledge(request);
    return {};
}

Outcome Server::make_directory(Request& request) {
    auto const given = only_string(request.payload);
    if (!given) return std::unexpected(given.error());
    auto const place = locate(request, *given, access_write, OpenTransaction::content);
    if (!place) return std::unexpected(place.error());
    if (!place->node) {
        if (place->node.error() != ENOENT) return std::unexpected(place->node.error());
        Mutation mutation;
        mutation.kind = Mutation::Kind::Create;
        mutation.path = place->path.view();
        if (!request.from.who.is_privileged()) mutation.creator = request.from.who.domid;
        if (auto const done = change(request, place->view, std::move(mutation)); !done) return done;
    }
    acknowledge(request);
    return {};
}

Outcome Server::remove(Request& request) {
    auto const given = only_string(request.payload);
    if (!given) return std::unexpected(given.error());
    auto const place = locate(request, *given, access_write, OpenTransaction::subtree);
    if (!place) return std::unexpected(place.error());
    if (!place->node) {
        // What is not there is removed already, as long as its parent is there.
        if (place->node.error() != ENOENT || !place->view.tree->find(parent_of(place->path.view())))
            return std::unexpected(place->node.error());
    } else {
        if (place->path.view() == "/") return std::unexpected(EINVAL);
        Mutation mutation;
        mutation.kind = Mutation::Kind::Remove;
        mutation.path = place->path.view();
        if (auto const done = change(request, place->view, std::move(mutation)); !done) return done;
    }
    acknowledge(request);
    return {};
}

Outcome Server::special_permissions(Request& request, std::string_view name, Permissions list) {
    auto const found = special_.find(name);
    if (found == special_.end()) return std::unexpected(ENOENT);
    if (!request.from.who.is_privileged()) return std::unexpected(EACCES);
    found->second = std::move(list);
    Encoder{log_, RecordKind::SpecialPermissions}.text(name).permissions(found->second);
    acknowledge(request);
    return {};
}

Outcome Server::set_permissions(Request& request) {
    Strings strings{request.payload};
    auto const given = strings.next();
    if (!given) return std::unexpected(EINVAL);
    auto list = std::make_shared<PermissionList>();
    while (auto const text = strings.next()) {
        auto const permission = parse_permission(*text);
        if (!permission) return std::unexpected(EINVAL);
        list->push_back(*permission);
    }
    if (list->empty() || !strings.rest().empty()) return std::unexpected(EINVAL);
    if (is_special(*given)) return special_permissions(request, *given, std::move(list));
    auto const place = locate(request, *given, access_write | access_owner, OpenTransaction::content);
    if (!place) return std::unexpected(place.error());
    if (!place->node) return std::unexpected(place->node.error());
    if (!request.from.who.is_privileged() && list->front().domid != (*place->node)->permissions->front().domid)
        return std::unexpected(EPERM);
    // An owner to be would inherit the node with an id that is used again.
    auto const owner = list->front().domid;
    if (owner != 0 && !find_domain(owner) && !host_.exists(owner)) return std::unexpected(ENOENT);
    Mutation mutation;
    mutation.kind = Mutation::Kind::SetPermissions;
    mutation.path = place->path.view();
    mutation.permissions = std::move(list);
    if (auto const done = change(request, place->view, std::move(mutation)); !done) return done;
    acknowledge(request);
    return {};
}

} // namespace store
