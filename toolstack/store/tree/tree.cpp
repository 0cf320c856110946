// SPDX-License-Identifier: Apache-2.0
// Lookup and copy-on-write in the tree of nodes.
#include "store/tree/tree.hpp"

#include <algorithm>

namespace store {

namespace {

auto lower_bound(std::vector<NodePtr> const& children, std::string_view name) {
    return std::ranges::lower_bound(children, name, std::less<>{},
                                    [](NodePtr const& node) -> std::string_view { return node->name; });
}

} // namespace

/// Makes what `slot` points to exclusive to the tree that holds `slot`, itself already exclusive.
Node& Tree::unshare(NodePtr& slot) {
    if (slot.use_count() == 1) return *slot;
    slot = std::make_shared<Node>(*slot);
    copied_bytes_ += node_bytes(*slot) + static_cast<std::int64_t>(slot->children.size() * sizeof(NodePtr));
    return *slot;
}

NodePtr const* Node::find_child(std::string_view child) const {
    auto const at = lower_bound(children, child);
    return at != children.end() && (*at)->name == child ? &*at : nullptr;
}

std::vector<Node const*> Node::listing() const {
    std::vector<Node const*> nodes;
    nodes.reserve(children.size());
    for (NodePtr const& child : children) nodes.push_back(child.get());
    std::ranges::sort(nodes, std::less<>{}, &Node::created);
    return nodes;
}

Tree::Tree() : root_{std::make_shared<Node>()} {
    root_->permissions = std::make_shared<PermissionList>(PermissionList{{0, access_none}});
}

Node const* Tree::find(std::string_view path) const {
    Node const* node = root_.get();
    for (Components components{path}; !components.done();) {
        NodePtr const* const child = node->find_child(components.next());
        if (!child) return nullptr;
        node = child->get();
    }
    return node;
}

Tree::Nearest Tree::find_nearest(std::string_view path) const {
    Nearest nearest{root_.get(), true, path.substr(0, 1), {}};
    for (Components components{path}; !components.done();) {
        NodePtr const* const child = nearest.node->find_child(components.next());
        if (!child) {
            nearest.exact = false;
            nearest.first_missing = components.so_far();
            return nearest;
        }
        nearest.node = child->get();
        nearest.path = components.so_far();
    }
    return nearest;
}

Node& Tree::edit(std::string_view path) {
    Node* node = &unshare(root_);
    for (Components components{path}; !components.done();) {
        auto const at = lower_bound(node->children, components.next());
        node = &unshare(node->children[static_cast<std::size_t>(at - node->children.begin())]);
    }
    return *node;
}

void Tree::insert_child(Node& parent, NodePtr child) {
    parent.children.insert(lower_bound(parent.children, child->name), std::move(child));
}

NodePtr Tree::take_child(Node& parent, std::string_view name) {
    auto const at = parent.children.begin() + (lower_bound(parent.children, name) - parent.children.cbegin());
    NodePtr child = std::move(*at);
    parent.children.erase(at);
    return child;
}

} // namespace store
