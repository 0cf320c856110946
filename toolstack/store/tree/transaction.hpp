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

    /// `owner_copied`: see owner_copied().
    explicit OpenTransaction(Tree const& live, std::uint64_t generation, std::int64_t owner_copied = 0)
        : base_{live}, tree_{live}, started_{generation}, live_copied_{live.copied_bytes()},
          owner_copied_{owner_copied} {}

    [[nodiscard]] Tree& tree() { return tree_; }
    [[nodiscard]] Accounts& accounts() { return differences_; }
    struct Step {
        Mutation mutation;
        Effect effect; ///< on the private tree
    };
    [[nodiscard]] std::vector<Step>& steps() { return steps_; }
    void record(Mutation mutation, Effect effect) {
        step_bytes_ += bytes_of(mutation);
        steps_.push_back({std::move(mutation), std::move(effect)});
    }
    /// Memory that a change takes at most, in the list of steps and in the private tree, without what must be copied.
    [[nodiscard]] static std::int64_t bytes_of(Mutation const& mutation) {
        auto const permissions = mutation.permissions ? 64 + mutation.permissions->size() * sizeof(Permission) : 0;
        return static_cast<std::int64_t>(sizeof(Step) +
                                         2 * (mutation.path.size() + mutation.value.size() + permissions));
    }
    /// Memory of the transaction: steps, private nodes, dependencies.
    [[nodiscard]] std::int64_t bytes() const {
        return static_cast<std::int64_t>(sizeof *this) + step_bytes_ + (tree_.copied_bytes() - live_copied_) +
               created_bytes_ + dependency_bytes_;
    }
    /// Nodes that a change has made in the private tree.
    void add_created(std::int64_t nodes) { created_bytes_ += nodes * static_cast<std::int64_t>(sizeof(Node) + 96); }
    /// The live tree's copied_bytes() at the start: what it has copied since, the snapshot may keep alive.
    [[nodiscard]] std::int64_t live_copied() const { return live_copied_; }
    /// The part of it that the owner's own changes had caused.
    [[nodiscard]] std::int64_t owner_copied() const { return owner_copied_; }

    void depend(std::string_view path, Dependency part);
    /// Memory of a dependency that is new.
    [[nodiscard]] static std::int64_t dependency_size(std::string_view path) {
        return static_cast<std::int64_t>(112 + path.size());
    }
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
    std::int64_t live_copied_, owner_copied_;
    std::int64_t step_bytes_ = 0, created_bytes_ = 0, dependency_bytes_ = 0;
    bool doomed_ = false;
};

} // namespace store
