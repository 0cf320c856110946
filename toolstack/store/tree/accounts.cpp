// SPDX-License-Identifier: Apache-2.0
// Counting of usage by domain.
#include "store/tree/accounts.hpp"

namespace store {

void Accounts::count(Node const& node, int sign) {
    PermissionList const& permissions = *node.permissions;
    Usage& owner = usage_[permissions.front().domid];
    owner.nodes += sign;
    owner.bytes += sign * static_cast<std::int64_t>(sizeof(Node) + node.name.size() + node.value.size() +
                                                    permissions.size() * sizeof(Permission));
    for (Permission const& permission : permissions) usage_[permission.domid].mentions += sign;
}

void Accounts::merge(Accounts const& differences) {
    for (auto const& [domid, difference] : differences.usage_) {
        Usage& usage = usage_[domid];
        usage.nodes += difference.nodes;
        usage.bytes += difference.bytes;
        usage.mentions += difference.mentions;
    }
}

std::int64_t* Quotas::find(std::string_view name) {
    for (QuotaName const& known : quota_names)
        if (known.name == name) return &(this->*known.limit);
    return nullptr;
}

std::int64_t record_size(Node const& node) {
    constexpr std::int64_t header = 24, permission = 8;
    std::int64_t size = header + permission * static_cast<std::int64_t>(node.permissions->size()) +
                        static_cast<std::int64_t>(node.value.size());
    for (NodePtr const& child : node.children) size += static_cast<std::int64_t>(child->name.size()) + 1;
    return size;
}

} // namespace store
