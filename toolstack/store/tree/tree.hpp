// SPDX-License-Identifier: Apache-2.0
// The tree of nodes: persistent, so that a copy of it is a snapshot in constant time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/tree/path.hpp"
#include "store/tree/permissions.hpp"

namespace store {

struct Node;
using NodePtr = std::shared_ptr<Node>;

/// One node. Whoever reaches it through a Tree const& must not change it; Tree::edit() hands out nodes
/// that no other tree shares.
struct Node {
    std::string name; ///< last component of its path
    std::string value;
    Permissions permissions;
    std::vector<NodePtr> children;      ///< sorted by name
    std::uint64_t created = 0;          ///< generation of its creation: the order in which siblings are listed
    std::uint64_t changed = 0;          ///< generation of the last change of value or permissions
    std::uint64_t children_changed = 0; ///< generation of the last creation or removal of a child

    [[nodiscard]] NodePtr const* find_child(std::string_view child) const;
    [[nodiscard]] std::uint64_t generation() const { return std::max(changed, children_changed); }
    /// Children in the order of their creation.
    [[nodiscard]] std::vector<Node const*> listing() const;
};

/// Memory of a node, with its place in its parent; without its children and what lists them.
[[nodiscard]] inline std::int64_t node_bytes(Node const& node) {
    constexpr std::size_t overhead = 64; // control block, the parent's pointer, the allocator's own
    return static_cast<std::int64_t>(sizeof(Node) + overhead + node.name.size() + node.value.size() +
                                     node.permissions->size() * sizeof(Permission));
}

/// A tree with value semantics. Copying shares all nodes; a later change of either copy duplicates only
/// the nodes on the path to the change, and none at all where nothing is shared.
class Tree {
  public:
    /// Only the root, owned by domain 0 and closed to others.
    Tree();

    /// Null where there is no such node. `path` must be valid and absolute.
    [[nodiscard]] Node const* find(std::string_view path) const;

    /// The node or, where it is missing, its nearest existing ancestor.
    struct Nearest {
        Node const* node = nullptr;
        bool exact = false;
        std::string_view path;          ///< of `node`
        std::string_view first_missing; ///< the missing node nearest to `node`; empty if exact
    };
    [[nodiscard]] Nearest find_nearest(std::string_view path) const;

    /// visit(node) for the root and each node on the way to `path`, as far as they exist.
    template <class Visit> void for_each_on_path(std::string_view path, Visit visit) const {
        Node const* node = root_.get();
        visit(*node);
        for (Components components{path}; !components.done();) {
            NodePtr const* const child = node->find_child(components.next());
            if (!child) return;
            node = child->get();
            visit(*node);
        }
    }

    /// The existing node at `path`, made exclusive to this tree. Valid until the next change or copy.
    [[nodiscard]] Node& edit(std::string_view path);
    /// Adds a child that must not exist yet to a node that edit() gave.
    static void insert_child(Node& parent, NodePtr child);
    /// Takes a child that must exist from a node that edit() gave.
    static NodePtr take_child(Node& parent, std::string_view name);

    [[nodiscard]] Node const& root() const { return *root_; }
    /// True if nothing has changed in either since one was copied from the other.
    [[nodiscard]] bool is_same(Tree const& other) const { return root_ == other.root_; }

    /// Bytes of the nodes that edit() had to copy because another tree shared them, since the tree was made or copied.
    [[nodiscard]] std::int64_t copied_bytes() const { return copied_bytes_; }

  private:
    Node& unshare(NodePtr& slot);
    NodePtr root_;
    std::int64_t copied_bytes_ = 0;
};

/// Calls visit(path, node) for the node and all below it, parents first, siblings by creation. Does not
/// recurse: depth is guest-chosen.
template <class Visit> void for_each_node(std::string path, Node const& top, Visit visit) {
    struct Level {
        std::vector<Node const*> nodes;
        std::size_t next = 0;
        std::size_t path_length = 0;
    };
    visit(path, top);
    if (path == "/") path.clear();
    std::vector<Level> levels;
    levels.push_back({top.listing(), 0, path.size()});
    while (!levels.empty()) {
        Level& level = levels.back();
        path.resize(level.path_length);
        if (level.next == level.nodes.size()) {
            levels.pop_back();
            continue;
        }
        Node const& node = *level.nodes[level.next++];
        path += '/';
        path += node.name;
        visit(path, node);
        if (!node.children.empty()) levels.push_back({node.listing(), 0, path.size()});
    }
}

} // namespace store
