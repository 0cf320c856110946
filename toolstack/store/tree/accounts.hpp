// SPDX-License-Identifier: Apache-2.0
// What each domain uses of the store, and the limits on it.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "store/tree/permissions.hpp"
#include "store/tree/tree.hpp"

namespace store {

/// What one domain holds. In the accounts of a transaction these are differences and may be negative.
struct Usage {
    std::int64_t nodes = 0;    ///< nodes that it owns
    std::int64_t bytes = 0;    ///< of those nodes: name, value, permissions
    std::int64_t mentions = 0; ///< entries for it in permission lists, ownership included
};

/// Usage by domain.
class Accounts {
  public:
    void add(Node const& node) { count(node, 1); }
    void remove(Node const& node) { count(node, -1); }
    [[nodiscard]] Usage of(abi::domid_t domid) const {
        auto const found = usage_.find(domid);
        return found == usage_.end() ? Usage{} : found->second;
    }
    void merge(Accounts const& differences);
    [[nodiscard]] auto begin() const { return usage_.begin(); }
    [[nodiscard]] auto end() const { return usage_.end(); }

  private:
    void count(Node const& node, int sign);
    void add(abi::domid_t domid, Usage difference);
    std::unordered_map<abi::domid_t, Usage> usage_;
};

/// Limits on what an unprivileged domain may use; 0 switches one off. Defaults are those of 4.17.
struct Quotas {
    std::int64_t nodes = 1000;
    std::int64_t node_size = 2048;
    std::int64_t watches = 128;
    std::int64_t transactions = 10;
    std::int64_t transaction_nodes = 1024;
    std::int64_t permissions = 5;      ///< entries in one node's list
    std::int64_t outstanding = 20;     ///< replies that the domain has not taken
    std::int64_t memory = 2560 * 1024; ///< bytes of all that the daemon keeps for it
    std::int64_t path_length = 3072;

    /// The limit of that name (as xenstored -Q and xenstore-control use them), or null.
    [[nodiscard]] std::int64_t* find(std::string_view name);
};

struct QuotaName {
    std::string_view name;
    std::int64_t Quotas::* limit;
    std::string_view meaning;
};
inline constexpr QuotaName quota_names[] = {
    {"nodes", &Quotas::nodes, "nodes per domain"},
    {"node-size", &Quotas::node_size, "bytes of one node"},
    {"watches", &Quotas::watches, "watches per domain"},
    {"transactions", &Quotas::transactions, "open transactions per domain"},
    {"transaction-nodes", &Quotas::transaction_nodes, "nodes accessed in one transaction"},
    {"node-permissions", &Quotas::permissions, "permission entries of one node"},
    {"outstanding", &Quotas::outstanding, "replies not taken per domain"},
    {"memory", &Quotas::memory, "bytes of all that is kept for a domain"},
    {"path-max", &Quotas::path_length, "length of an absolute path"},
};

/// Size of a node as the node-size quota counts it: a record of 4.17's database.
[[nodiscard]] std::int64_t record_size(Node const& node);

} // namespace store
