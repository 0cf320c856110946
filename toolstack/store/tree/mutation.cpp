// SPDX-License-Identifier: Apache-2.0
// Applying changes to a tree, with its accounts.
#include "store/tree/mutation.hpp"

#include <cerrno>

namespace store {

namespace {

/// Creates the node and its missing ancestors; all take the permissions of the nearest existing one.
void create(Tree& tree, Accounts& accounts, std::uint64_t generation, Mutation const& mutation,
            Tree::Nearest const& nearest) {
    Permissions permissions = nearest.node->permissions;
    if (mutation.creator != Mutation::inherit_owner) permissions = with_owner(permissions, mutation.creator);
    Node* parent = &tree.edit(nearest.path);
    std::string_view const whole = mutation.path;
    Components rest{whole.substr(nearest.path.size() == 1 ? 0 : nearest.path.size())};
    while (!rest.done()) {
        auto child = std::make_shared<Node>();
        child->name = rest.next();
        child->permissions = permissions;
        child->created = child->changed = child->children_changed = generation;
        if (rest.done()) child->value = mutation.value;
        parent->children_changed = generation;
        accounts.add(*child);
        Node* const next = child.get();
        Tree::insert_child(*parent, std::move(child));
        parent = next;
    }
}

Effect write(Tree& tree, Accounts& accounts, std::uint64_t generation, Mutation const& mutation) {
    auto const nearest = tree.find_nearest(mutation.path);
    if (!nearest.exact) {
        create(tree, accounts, generation, mutation, nearest);
        return Effect{true, {}, {}};
    }
    if (mutation.kind == Mutation::Kind::Create) return {};
    Node& node = tree.edit(mutation.path);
    accounts.remove(node);
    node.value = mutation.value;
    node.changed = generation;
    accounts.add(node);
    return Effect{true, {}, {}};
}

Effect remove(Tree& tree, Accounts& accounts, std::uint64_t generation, Mutation const& mutation) {
    if (!tree.find(mutation.path)) return {};
    Node& parent = tree.edit(parent_of(mutation.path));
    NodePtr removed = Tree::take_child(parent, name_of(mutation.path));
    parent.children_changed = generation;
    for_each_node(mutation.path, *removed, [&](std::string const&, Node const& node) { accounts.remove(node); });
    return Effect{true, std::move(removed), {}};
}

} // namespace

std::expected<Effect, int> apply(Tree& tree, Accounts& accounts, std::uint64_t& generation, Mutation const& mutation) {
    ++generation;
    switch (mutation.kind) {
    case Mutation::Kind::Write:
    case Mutation::Kind::Create: return write(tree, accounts, generation, mutation);
    case Mutation::Kind::Remove:
        if (mutation.path == "/") return std::unexpected(EINVAL);
        return remove(tree, accounts, generation, mutation);
    case Mutation::Kind::SetPermissions: {
        if (!tree.find(mutation.path)) return std::unexpected(ENOENT);
        Node& node = tree.edit(mutation.path);
        Effect effect{true, {}, node.permissions};
        accounts.remove(node);
        node.permissions = mutation.permissions;
        node.changed = generation;
        accounts.add(node);
        return effect;
    }
    }
    return std::unexpected(EINVAL);
}

} // namespace store
