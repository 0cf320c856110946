// SPDX-License-Identifier: Apache-2.0
// A transaction: a snapshot, a private tree, and what the two depended on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/tree/mutation.hpp"

namespace store {

/// Changes are made to a private copy and recorded; so is every node whose state an answer depended on.
/// The commit takes the private tree as it is where nothing else happened meanwhile, else it checks what
/// was depended on and replays the changes.
class OpenTransaction {
  public:
    /// Parts of a node that an answer may depend on (its absence is part of each).
    enum Dependency : std::uint8_t { content = 1, children = 2, subtree = 4 };

    explicit OpenTransaction(Tree const& live, std::uint64_t generation)
        : base_{live}, tree_{live}, started_{generation} {}

    [[nodiscard]] Tree& tree() { return tree_; }
    [[nodiscard]] Accounts& accounts() { return differences_; }
    struct Step {
        Mutation mutation;
        Effect effect; ///< on the private tree
    };
    [[nodiscard]] std::vector<Step>& steps() { return steps_; }
    void record(Mutation mutation, Effect effect) { steps_.push_back({std::move(mutation), std::move(effect)}); }

    void depend(std::string_view path, Dependency part);
    /// Number of nodes depended on.
    [[nodiscard]] std::size_t dependencies() const { return dependencies_.size(); }

    /// True where all that was depended on is in `live` as it was at the start.
    [[nodiscard]] bool holds(Tree const& live) const;
    /// True where `live` has not changed at all since the start.
    [[nodiscard]] bool is_untouched(Tree const& live) const { return base_.is_same(live); }

    /// Gives up: the snapshot is replaced by the live tree and the commit will fail with EAGAIN. For
    /// transactions that were open when the daemon was restarted, or that hold old nodes for too long.
    void doom(Tree const& live, std::uint64_t generation);
    [[nodiscard]] bool is_doomed() const { return doomed_; }
    /// Store generation when the snapshot was taken.
    [[nodiscard]] std::uint64_t started() const { return started_; }

  private:
    Tree base_;
    Tree tree_;
    Accounts differences_;
    std::vector<Step> steps_;
    std::map<std::string, std::uint8_t, std::less<>> dependencies_;
    std::uint64_t started_;
    bool doomed_ = false;
};

} // namespace store
