// SPDX-License-Identifier: Apache-2.0
// Conflict detection of transactions.
#include "store/tree/transaction.hpp"

namespace store {

void OpenTransaction::depend(std::string_view path, Dependency part) {
    if (doomed_) return;
    auto at = dependencies_.find(path);
    if (at == dependencies_.end()) {
        at = dependencies_.emplace(std::string{path}, 0).first;
        dependency_bytes_ += dependency_size(path);
    }
    at->second |= part;
}

bool OpenTransaction::holds(Tree const& live) const {
    if (doomed_) return false;
    if (base_.is_same(live)) return true;
    for (auto const& [path, parts] : dependencies_) {
        Node const* const before = base_.find(path);
        Node const* const now = live.find(path);
        if (before == now) continue; // the snapshot keeps `before` from being changed in place
        if (!before || !now || (parts & subtree)) return false;
        // Removed and created anew is a change, even with equal content.
        if (before->created != now->created) return false;
        if ((parts & content) && before->changed != now->changed) return false;
        if ((parts & children) && before->children_changed != now->children_changed) return false;
    }
    return true;
}

void OpenTransaction::doom(Tree const& live, std::uint64_t generation) {
    base_ = live;
    tree_ = live;
    differences_ = {};
    steps_.clear();
    dependencies_.clear();
    started_ = generation;
    live_copied_ = live.copied_bytes();
    owner_copied_ = INT64_MAX; // keeps nothing alive
    step_bytes_ = created_bytes_ = dependency_bytes_ = 0;
    doomed_ = true;
}

} // namespace store
