// SPDX-License-Identifier: Apache-2.0
// Evaluation and text form of permissions.
#include "store/tree/permissions.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace store {

std::uint8_t access_of(PermissionList const& permissions, Identity const& who) {
    constexpr std::uint8_t all = access_read | access_write | access_owner;
    Permission const& owner = permissions.front();
    if (who.is_privileged() || owner.domid == who.domid || owner.domid == who.target) return all;
    for (std::size_t i = 1; i < permissions.size(); ++i)
        if (permissions[i].domid == who.domid || permissions[i].domid == who.target) return permissions[i].access;
    return owner.access;
}

std::optional<Permission> parse_permission(std::string_view text) {
    if (text.size() < 2) return std::nullopt;
    auto const domid = toolstack::to_unsigned(text.substr(1));
    if (!domid || *domid >= abi::first_reserved) return std::nullopt;
    Permission permission{static_cast<abi::domid_t>(*domid), access_none};
    switch (text.front()) {
    case 'n': return permission;
    case 'r': permission.access = access_read; return permission;
    case 'w': permission.access = access_write; return permission;
    case 'b': permission.access = access_read | access_write; return permission;
    default: return std::nullopt;
    }
}

Permissions with_owner(Permissions const& permissions, abi::domid_t owner) {
    if (permissions->front().domid == owner) return permissions;
    auto changed = std::make_shared<PermissionList>(*permissions);
    changed->front().domid = owner;
    return changed;
}

void append_permission(std::string& out, Permission permission) {
    out += "nrwb"[permission.access & 3];
    out += fmt::format_int(permission.domid).c_str();
    out += '\0';
}

} // namespace store
