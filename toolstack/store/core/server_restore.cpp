// SPDX-License-Identifier: Apache-2.0
// The state as journal records, and back.
#include <algorithm>

#include "store/core/server.hpp"

namespace store {

void encode(std::string& out, Domain const& domain) {
    Encoder{out, RecordKind::Domain}
        .u16(domain.domid)
        .u64(domain.frame)
        .u32(domain.port)
        .u8(domain.shutdown)
        .u16(domain.connection->who.target.value_or(abi::domid_invalid))
        .u32(domain.consumed)
        .u32(domain.owed);
}

void Server::log_ring(Domain& domain) {
    Connection const& connection = *domain.connection;
    if (domain.consumed != domain.logged_consumed) {
        // A request that comes byte by byte must not be written whole for each byte.
        std::string_view const input = connection.input;
        bool const more = domain.logged_input != 0 && input.size() > domain.logged_input &&
                          domain.consumed - domain.logged_consumed == input.size() - domain.logged_input;
        Encoder{log_, more ? RecordKind::RingInputMore : RecordKind::RingInput}
            .u16(domain.domid)
            .u32(domain.consumed)
            .text(more ? input.substr(domain.logged_input) : input);
        domain.logged_consumed = domain.consumed;
        domain.logged_input = input.size();
    }
    if (auto const fresh = connection.produced() - domain.logged_output) {
        auto const pending = connection.pending();
        Encoder{log_, RecordKind::RingOutput}.u16(domain.domid).text(pending.substr(pending.size() - fresh));
        domain.logged_output = connection.produced();
    }
}

void Server::reset_streams(Domain& domain, std::uint32_t consumed, std::uint32_t owed) {
    domain.connection->clear_streams();
    domain.logged_output = domain.connection->produced();
    domain.consumed = domain.logged_consumed = consumed;
    domain.logged_input = 0;
    domain.owed = owed;
    Encoder{log_, RecordKind::RingReset}.u16(domain.domid).u32(consumed).u32(owed);
}

void Server::reset_connection(Domain& domain) {
    drop_all(*domain.connection);
    Encoder{log_, RecordKind::DomainGone}.u16(domain.domid);
    log_domain(domain);
    reset_streams(domain, 0, 0);
}

void Server::snapshot_nodes(std::string& records) const {
    for_each_node("/", tree_.root(), [&](std::string const& path, Node const& node) {
        Mutation mutation;
        mutation.path = path;
        mutation.value = node.value;
        encode(records, mutation);
        // A created node takes its parent's permissions, so most need not be said.
        Node const* const parent = tree_.find(parent_of(path));
        if (path != "/" && *parent->permissions == *node.permissions) return;
        mutation.kind = Mutation::Kind::SetPermissions;
        mutation.value.clear();
        mutation.permissions = node.permissions;
        encode(records, mutation);
    });
}

void Server::snapshot_domain(std::string& records, Domain const& domain) {
    Connection const& connection = *domain.connection;
    encode(records, domain);
    for (auto const& watch : connection.watches)
        Encoder{records, RecordKind::Watch}
            .u16(domain.domid)
            .text(watch->path)
            .text(watch->given)
            .text(watch->token)
            .u64(watch->depth ? *watch->depth : UINT64_MAX);
    for (auto const& [id, transaction] : connection.transactions)
        Encoder{records, RecordKind::Transaction}.u16(domain.domid).u32(id);
    Encoder{records, RecordKind::RingInput}.u16(domain.domid).u32(domain.consumed).text(connection.input);
    if (auto const owed = domain.deliverable(); !owed.empty())
        Encoder{records, RecordKind::RingOutput}.u16(domain.domid).text(owed);
}

void Server::snapshot(std::string& records) const {
    Encoder{records, RecordKind::Generation}.u64(generation_);
    for (auto const& [name, limit] : set_quotas_)
        Encoder{records, RecordKind::Quota}.text(name).u64(static_cast<std::uint64_t>(limit));
    for (auto const& [name, list] : special_)
        Encoder{records, RecordKind::SpecialPermissions}.text(name).permissions(list);
    snapshot_nodes(records);
    for (auto const& [domid, domain] : domains_) snapshot_domain(records, domain);
}

bool Server::restore(std::string_view records) {
    Decoder from{records};
    while (!from.done())
        if (!restore_one(from) || !from.ok()) return false;
    return from.ok();
}

bool Server::restore_domain(Decoder& from) {
    Domain domain;
    domain.domid = from.u16();
    domain.frame = from.u64();
    domain.port = from.u32();
    domain.shutdown = from.u8() != 0;
    auto const target = from.u16();
    domain.consumed = domain.logged_consumed = from.u32();
    domain.owed = from.u32();
    if (!from.ok()) return false;
    Domain& known = domains_[domain.domid];
    bool const is_new = !known.connection;
    domain.connection = is_new ? std::make_unique<Connection>(Connection::Kind::Ring, Identity{domain.domid, {}}, busy_)
                               : std::move(known.connection);
    domain.connection->who.target = target == abi::domid_invalid ? std::optional<abi::domid_t>{} : target;
    if (!is_new) { // only its description changed: the streams go on
        domain.consumed = domain.logged_consumed = known.consumed;
        domain.owed = known.owed;
        domain.logged_output = known.logged_output;
        domain.logged_input = known.logged_input;
    }
    known = std::move(domain);
    follow_targets();
    return true;
}

bool Server::restore_ring(RecordKind kind, Decoder& from) {
    Domain* const domain = find_domain(from.u16());
    if (!domain) return false;
    Connection& connection = *domain->connection;
    if (kind == RecordKind::RingInput || kind == RecordKind::RingInputMore) {
        domain->consumed = domain->logged_consumed = from.u32();
        if (kind == RecordKind::RingInput) connection.input.clear();
        connection.input += from.text();
        domain->logged_input = connection.input.size();
    } else if (kind == RecordKind::RingOutput) {
        connection.restore_output(from.text());
        domain->logged_output = connection.produced();
    } else {
        connection.clear_streams();
        domain->logged_input = 0;
        domain->consumed = domain->logged_consumed = from.u32();
        domain->owed = from.u32();
    }
    return true;
}

bool Server::restore_connection(RecordKind kind, Decoder& from) {
    Domain* const domain = find_domain(from.u16());
    if (!domain) return false;
    Connection& connection = *domain->connection;
    if (kind == RecordKind::Transaction) {
        auto const id = from.u32();
        connection.transactions.insert_or_assign(id, std::make_unique<OpenTransaction>(tree_, generation_));
        connection.next_transaction = id + 1;
        return true;
    }
    if (kind == RecordKind::TransactionEnd) return connection.transactions.erase(from.u32()) == 1;
    auto watch = std::make_unique<Watch>();
    watch->owner = &connection;
    watch->path = from.text();
    if (kind == RecordKind::Watch) {
        watch->given = from.text();
        watch->token = from.text();
        if (auto const depth = from.u64(); depth != UINT64_MAX) watch->depth = static_cast<unsigned>(depth);
        if (watch->given.size() > watch->path.size()) return false;
        add_watch(connection, std::move(watch));
        return true;
    }
    watch->token = from.text();
    auto const found = std::ranges::find_if(connection.watches, [&](auto const& known) {
        return known->path == watch->path && known->token == watch->token;
    });
    if (found == connection.watches.end()) return false;
    drop_watch(connection, static_cast<std::size_t>(found - connection.watches.begin()));
    return true;
}

bool Server::restore_one(Decoder& from) {
    auto const kind = static_cast<RecordKind>(from.u8());
    switch (kind) {
    case RecordKind::Mutation: {
        Mutation const mutation = decode_mutation(from);
        if (!from.ok() || !is_valid_path(mutation.path)) return false;
        if (mutation.kind == Mutation::Kind::SetPermissions && !mutation.permissions) return false;
        return apply(tree_, accounts_, generation_, mutation).has_value();
    }
    case RecordKind::Domain: return restore_domain(from);
    case RecordKind::DomainGone: {
        auto const found = domains_.find(from.u16());
        if (found == domains_.end()) return false;
        drop_all(*found->second.connection);
        std::erase(busy_, found->second.connection.get());
        domains_.erase(found);
        follow_targets();
        return true;
    }
    case RecordKind::Watch:
    case RecordKind::Unwatch:
    case RecordKind::Transaction:
    case RecordKind::TransactionEnd: return restore_connection(kind, from);
    case RecordKind::RingInput:
    case RecordKind::RingInputMore:
    case RecordKind::RingOutput:
    case RecordKind::RingReset: return restore_ring(kind, from);
    case RecordKind::SpecialPermissions: {
        auto const found = special_.find(from.text());
        auto list = from.permissions();
        if (found == special_.end() || !list) return false;
        found->second = std::move(list);
        return true;
    }
    case RecordKind::Generation: generation_ = std::max(generation_, from.u64()); return true;
    case RecordKind::Quota: {
        auto const name = from.text();
        auto const limit = static_cast<std::int64_t>(from.u64());
        std::int64_t* const quota = options_.quotas.find(name);
        if (!quota) return false;
        *quota = limit;
        set_quotas_.insert_or_assign(std::string{name}, limit);
        return true;
    }
    }
    return false;
}

void Server::finish_restore() {
    // Answers that depended on lists seen before the restart must not match by chance.
    generation_ += 1u << 20;
    for (auto& [domid, domain] : domains_) {
        for (auto& [id, transaction] : domain.connection->transactions) transaction->doom(tree_, generation_);
        // Events that waited are not in the journal; a watch may always fire once more.
        for (auto const& watch : domain.connection->watches) watch->owner->event(*watch, watch->path);
    }
}

} // namespace store
