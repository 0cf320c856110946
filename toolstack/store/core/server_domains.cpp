// SPDX-License-Identifier: Apache-2.0
// Requests about domains, and what happens when one goes.
#include <algorithm>
#include <array>
#include <cerrno>
#include <fmt/format.h>

#include "store/core/server.hpp"

namespace store {

namespace {

constexpr std::string_view introduced = "@introduceDomain", released = "@releaseDomain";

std::expected<abi::domid_t, int> one_domid(std::string_view payload) {
    Strings strings{payload};
    auto const text = strings.next();
    auto const domid = text ? parse_number(*text, UINT16_MAX) : std::nullopt;
    if (!domid || !strings.rest().empty()) return std::unexpected(EINVAL);
    return static_cast<abi::domid_t>(*domid);
}

void acknowledge(Request& request) { request.reply.append("OK\0", 3); }

} // namespace

Domain* Server::find_domain(abi::domid_t domid) {
    auto const found = domains_.find(domid);
    return found == domains_.end() ? nullptr : &found->second;
}

void Server::follow_targets() {
    device_models_.clear();
    for (auto const& [domid, domain] : domains_)
        if (auto const& target = domain.connection->who.target) device_models_.emplace(domid, *target);
}

void Server::log_domain(Domain const& domain) { encode(log_, domain); }

Outcome Server::introduce(abi::domid_t domid, std::uint64_t frame, std::uint32_t port) {
    Domain* known = find_domain(domid);
    bool const is_new = known == nullptr;
    if (is_new) {
        Domain domain;
        domain.domid = domid;
        domain.connection = std::make_unique<Connection>(Connection::Kind::Ring, Identity{domid, {}}, busy_);
        known = &domains_.emplace(domid, std::move(domain)).first->second;
    }
    known->frame = frame;
    known->port = port;
    if (auto const connected = host_.connect(*known); !connected) {
        if (is_new) {
            std::erase(busy_, known->connection.get());
            domains_.erase(domid);
        }
        return connected;
    }
    known->logged_consumed = known->consumed;
    log_domain(*known);
    if (is_new) announcements_.emplace_back(introduced);
    return {};
}

Outcome Server::introduce_request(Request& request) {
    if (!request.from.who.is_privileged()) return std::unexpected(EACCES);
    Strings strings{request.payload};
    std::array<std::uint64_t, 3> numbers{};
    constexpr std::array<std::uint64_t, 3> limits{abi::first_reserved - 1, UINT64_MAX, UINT32_MAX};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        auto const text = strings.next();
        auto const number = text ? parse_number(*text, limits[i]) : std::nullopt;
        if (!number) return std::unexpected(EINVAL);
        numbers[i] = *number;
    }
    if (numbers[2] == 0) return std::unexpected(EINVAL);
    auto const done =
        introduce(static_cast<abi::domid_t>(numbers[0]), numbers[1], static_cast<std::uint32_t>(numbers[2]));
    if (done) acknowledge(request);
    return done;
}

Outcome Server::release(Request& request) {
    auto const domid = one_domid(request.payload);
    if (!domid) return std::unexpected(domid.error());
    if (!request.from.who.is_privileged()) return std::unexpected(EACCES);
    if (*domid == 0) return std::unexpected(EINVAL);
    if (!find_domain(*domid)) return std::unexpected(ENOENT);
    remove_domain(*domid);
    acknowledge(request);
    return {};
}

void Server::remove_domain(abi::domid_t domid) {
    auto const found = domains_.find(domid);
    if (found == domains_.end()) return;
    drop_all(*found->second.connection);
    host_.disconnect(found->second);
    std::erase(busy_, found->second.connection.get());
    domains_.erase(found);
    for (auto& [id, other] : domains_)
        if (other.connection->who.target == domid) other.connection->who.target.reset();
    follow_targets();
    Encoder{log_, RecordKind::DomainGone}.u16(domid);
    remove_orphans({domid});
    announcements_.emplace_back(released);
}

/// Nodes of these domains go, and they leave the permission lists of others: their ids will be used again. For one
/// domain it looks where toolstacks put its nodes first, and through the whole store only if that were not all. For
/// many it is through the whole store once: guests can name any number of domains that do not exist.
void Server::remove_orphans(std::unordered_set<abi::domid_t> const& gone) {
    auto const is_done = [&] {
        return std::ranges::all_of(gone, [&](abi::domid_t domid) { return accounts_.of(domid).mentions == 0; });
    };
    if (is_done()) return;
    if (gone.size() == 1) remove_usual_orphans(*gone.begin());
    if (!is_done()) remove_orphans_below(gone, "/");
}

void Server::remove_usual_orphans(abi::domid_t domid) {
    std::vector<std::string> places{domain_path(domid), fmt::format("/libxl/{}", domid)};
    if (Node const* const vm = tree_.find(places[0] + "/vm");
        vm && vm->value.starts_with("/vm/") && Path::canonical(vm->value, 0))
        places.push_back(vm->value);
    if (Node const* const kinds = tree_.find("/local/domain/0/backend"))
        for (NodePtr const& kind : kinds->children)
            places.push_back(fmt::format("/local/domain/0/backend/{}/{}", kind->name, domid));
    for (auto const& place : places)
        if (accounts_.of(domid).mentions != 0 && tree_.find(place)) remove_orphans_below({domid}, place);
}

void Server::remove_orphans_below(std::unordered_set<abi::domid_t> const& gone, std::string top) {
    std::vector<Mutation> mutations;
    std::string inside; // a subtree that goes as a whole, with a slash
    Node const& first = *tree_.find(top);
    for_each_node(std::move(top), first, [&](std::string const& path, Node const& node) {
        if (!inside.empty() && path.starts_with(inside)) return;
        auto const is_gone = [&](Permission permission) { return gone.contains(permission.domid); };
        if (std::ranges::none_of(*node.permissions, is_gone)) return;
        Mutation mutation;
        mutation.path = path;
        if (is_gone(node.permissions->front()) && path != "/" && !options_.keep_orphans) {
            mutation.kind = Mutation::Kind::Remove;
            inside = path + '/';
            mutations.push_back(std::move(mutation));
            return;
        }
        auto list = std::make_shared<PermissionList>();
        for (std::size_t i = 0; i < node.permissions->size(); ++i) {
            Permission permission = (*node.permissions)[i];
            bool const its = is_gone(permission);
            if (its && i == 0) permission.domid = 0;
            if (!its || i == 0) list->push_back(permission);
        }
        mutation.kind = Mutation::Kind::SetPermissions;
        mutation.permissions = std::move(list);
        mutations.push_back(std::move(mutation));
    });
    for (Mutation& mutation : mutations) {
        auto effect = apply(tree_, accounts_, generation_, mutation);
        encode(log_, mutation);
        if (effect && effect->removed) changes_.push_back({std::move(mutation.path), std::move(*effect)});
    }
}

void Server::forget_missing(std::function<bool(abi::domid_t)> const& exists) {
    std::unordered_set<abi::domid_t> gone;
    for (auto const& [domid, usage] : accounts_)
        if (domid != 0 && usage.mentions != 0 && !find_domain(domid) && !exists(domid)) gone.insert(domid);
    remove_orphans(gone);
}

void Server::announce_shutdown(Domain& domain) {
    if (domain.shutdown) return;
    domain.shutdown = true;
    log_domain(domain);
    announcements_.emplace_back(released);
}

void Server::announce() { fire_pending(); }

Outcome Server::get_domain_path(Request& request) {
    auto const domid = one_domid(request.payload);
    if (!domid) return std::unexpected(domid.error());
    request.reply.append(domain_path(*domid == abi::domid_self ? request.from.who.domid : *domid)).push_back('\0');
    return {};
}

Outcome Server::is_introduced(Request& request) {
    auto const domid = one_domid(request.payload);
    if (!domid) return std::unexpected(domid.error());
    bool const known = *domid == abi::domid_self || *domid == 0 || find_domain(*domid);
    request.reply.append(known ? "T\0" : "F\0", 2);
    return {};
}

Outcome Server::resume(Request& request) {
    auto const domid = one_domid(request.payload);
    if (!domid) return std::unexpected(domid.error());
    if (!request.from.who.is_privileged()) return std::unexpected(EACCES);
    if (*domid == 0) return std::unexpected(EINVAL);
    Domain* const domain = find_domain(*domid);
    if (!domain) return std::unexpected(ENOENT);
    domain->shutdown = false;
    log_domain(*domain);
    acknowledge(request);
    return {};
}

Outcome Server::set_target(Request& request) {
    Strings strings{request.payload};
    auto const domid_text = strings.next(), target_text = strings.next();
    if (!domid_text || !target_text) return std::unexpected(EINVAL);
    auto const domid = parse_number(*domid_text, UINT16_MAX), target = parse_number(*target_text, UINT16_MAX);
    if (!domid || !target) return std::unexpected(EINVAL);
    if (!request.from.who.is_privileged()) return std::unexpected(EACCES);
    Domain* const domain = find_domain(static_cast<abi::domid_t>(*domid));
    if (!domain || !find_domain(static_cast<abi::domid_t>(*target))) return std::unexpected(ENOENT);
    domain->connection->who.target = static_cast<abi::domid_t>(*target);
    follow_targets();
    log_domain(*domain);
    acknowledge(request);
    return {};
}

} // namespace store
