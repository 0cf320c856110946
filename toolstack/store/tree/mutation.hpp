// SPDX-License-Identifier: Apache-2.0
// Changes of the tree as values: done at once, replayed when a transaction commits or the journal is read.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "store/tree/accounts.hpp"
#include "store/tree/tree.hpp"

namespace store {

/// One change. What it does depends on nothing but the tree it is applied to.
struct Mutation {
    enum class Kind : std::uint8_t {
        Write,          ///< set the value; create the node and its missing ancestors
        Create,         ///< create the node, empty, with missing ancestors; nothing if it exists
        Remove,         ///< remove the node and all below it; nothing if it is missing
        SetPermissions, ///< of an existing node
    };
    Kind kind = Kind::Write;
    abi::domid_t creator = inherit_owner; ///< owner of created nodes, or inherit_owner
    std::string path;
    std::string value;       ///< of Write
    Permissions permissions; ///< of SetPermissions

    /// Created nodes belong to the owner of the node they are created in (privileged creators).
    static constexpr abi::domid_t inherit_owner = abi::domid_invalid;
};

/// What applying a mutation has done, as watches need to know.
struct Effect {
    bool changed = false;
    NodePtr removed;             ///< the subtree that Remove took out
    Permissions old_permissions; ///< of SetPermissions
};

/// Applies a change; every change takes a new generation from `generation`. ENOENT where SetPermissions
/// finds no node, EINVAL for removal of the root. Rights and quotas are the caller's business.
[[nodiscard]] std::expected<Effect, int> apply(Tree& tree, Accounts& accounts, std::uint64_t& generation,
                                               Mutation const& mutation);

} // namespace store
