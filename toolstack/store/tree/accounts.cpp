// SPDX-License-Identifier: Apache-2.0
// Counting of usage by domain.
#include "store/tree/accounts.hpp"

namespace store {

void Accounts::count(Node const& node, int sign) {
    PermissionList const& permissions = *node.permissions;
    add(permissions.front().domid, {sign, sign * node_bytes(node), 0});
    for (Permission const& permission : permissions) add(permission.domid, {0, 0, sign});
}

/// A domain that has nothing leaves no entry: guests may name any number of domains.
void Accounts::add(abi::domid_t domid, Usage difference) {
    auto const at = usage_.try_emplace(domid).first;
    Usage& usage = at->second;
    usage.nodes += difference.nodes;
    usage.bytes += difference.bytes;
    usage.mentions += difference.mentions;
    if (usage.nodes == 0 && usage.bytes == 0 && usage.mentions == 0) usage_.erase(at);
}

void Accounts::merge(Accounts const& differences) {
    for (auto const& [domid, difference] : differences.usage_) add(domid, difference);
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
