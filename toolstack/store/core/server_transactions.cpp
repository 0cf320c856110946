// SPDX-License-Identifier: Apache-2.0
// Requests that open and end transactions.
#include <cerrno>
#include <fmt/format.h>
#include <unordered_set>

#include "store/core/server.hpp"

namespace store {

namespace {

/// A snapshot that is this many changes behind is given up, or so many bytes of nodes that were copied for its like: it
/// would keep too many old nodes alive. All snapshots share these, so that this bounds what all together keep.
constexpr std::uint64_t oldest_snapshot = 1u << 20;
constexpr std::int64_t most_kept_alive = 64 << 20;

} // namespace

Outcome Server::transaction_start(Request& request) {
    Connection& from = request.from;
    if (request.header.tx_id != 0) return std::unexpected(EBUSY);
    auto const limit = options_.quotas.transactions;
    if (!from.who.is_privileged() && limit && from.transactions.size() >= static_cast<std::size_t>(limit))
        return std::unexpected(ENOSPC);
    retire_old_transactions();
    if (!from.who.is_privileged() && !has_room(from, sizeof(OpenTransaction))) return std::unexpected(ENOMEM);
    while (from.next_transaction == 0 || from.transactions.contains(from.next_transaction)) ++from.next_transaction;
    std::uint32_t const id = from.next_transaction++;
    from.transactions.emplace(id, std::make_unique<OpenTransaction>(tree_, generation_, from.copied_bytes));
    if (from.kind == Connection::Kind::Ring) Encoder{log_, RecordKind::Transaction}.u16(from.who.domid).u32(id);
    request.reply.append(fmt::format_int(id).c_str()).push_back('\0');
    return {};
}

Outcome Server::transaction_end(Request& request) {
    Connection& from = request.from;
    bool const wants_commit = request.payload == std::string_view{"T\0", 2};
    if (!wants_commit && request.payload != std::string_view{"F\0", 2}) return std::unexpected(EINVAL);
    auto const found = from.transactions.find(request.header.tx_id);
    if (found == from.transactions.end()) return std::unexpected(ENOENT);
    auto const transaction = std::move(found->second);
    from.transactions.erase(found);
    if (from.kind == Connection::Kind::Ring)
        Encoder{log_, RecordKind::TransactionEnd}.u16(from.who.domid).u32(request.header.tx_id);
    if (wants_commit)
        if (auto const done = commit(request, *transaction); !done) return done;
    request.reply.append("OK\0", 3);
    return {};
}

Outcome Server::commit(Request const& request, OpenTransaction& transaction) {
    if (!transaction.holds(tree_)) return std::unexpected(EAGAIN);
    Identity const& who = request.from.who;
    auto const own = transaction.accounts().of(who.domid);
    if (!who.is_privileged() && options_.quotas.nodes && own.nodes > 0 &&
        accounts_.of(who.domid).nodes + own.nodes > options_.quotas.nodes)
        return std::unexpected(ENOSPC);
    bool const take_whole = transaction.is_untouched(tree_);
    auto const copied = tree_.copied_bytes();
    if (take_whole) {
        tree_ = transaction.tree();
        accounts_.merge(transaction.accounts());
    }
    std::unordered_set<std::string_view> told;
    for (auto& [mutation, effect] : transaction.steps()) {
        if (!take_whole) {
            auto replayed = apply(tree_, accounts_, generation_, mutation);
            if (!replayed || !replayed->changed) continue;
            effect = std::move(*replayed);
        }
        encode(log_, mutation);
        if (told.insert(mutation.path).second || effect.removed) changes_.push_back({mutation.path, std::move(effect)});
    }
    request.from.copied_bytes += tree_.copied_bytes() - copied;
    return {};
}

void Server::retire_old_transactions() {
    for (auto& [domid, domain] : domains_)
        for (auto& [id, transaction] : domain.connection->transactions)
            if (domid != 0 && (generation_ - transaction->started() > oldest_snapshot ||
                               tree_.copied_bytes() - transaction->live_copied() > most_kept_alive))
                transaction->doom(tree_, generation_);
}

} // namespace store
