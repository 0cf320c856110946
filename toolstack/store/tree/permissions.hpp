// SPDX-License-Identifier: Apache-2.0
// Who may do what with a node: the permission list, its wire text, and the rule that evaluates it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abi/types.hpp"

namespace store {

/// Bits of an access right; `owner` is never stored, only asked for.
enum Access : std::uint8_t { access_none = 0, access_read = 1, access_write = 2, access_owner = 4 };

struct Permission {
    abi::domid_t domid = 0;
    std::uint8_t access = access_none;
    bool operator==(Permission const&) const = default;
};

/// The first entry names the owner, and with its access what holds for everyone not listed; the others
/// give rights to single domains. Never empty. Shared between nodes, so immutable.
using PermissionList = std::vector<Permission>;
using Permissions = std::shared_ptr<PermissionList const>;

/// On whose behalf a request is made.
struct Identity {
    abi::domid_t domid = 0;
    std::optional<abi::domid_t> target; ///< this domain is the device model of that one
    /// Domain 0 and the tools: may do everything.
    [[nodiscard]] bool is_privileged() const { return domid == 0; }
};

/// The rights of `who`. The privileged, the owner, and the device model of the owner have all.
[[nodiscard]] std::uint8_t access_of(PermissionList const& permissions, Identity const& who);

/// "r5": nothing if malformed. Letters: n none, r read, w write, b both.
[[nodiscard]] std::optional<Permission> parse_permission(std::string_view text);
/// The same list owned by another domain.
[[nodiscard]] Permissions with_owner(Permissions const& permissions, abi::domid_t owner);
/// Appends "r5" and a NUL.
void append_permission(std::string& out, Permission permission);

} // namespace store
