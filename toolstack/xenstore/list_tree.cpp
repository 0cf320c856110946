// SPDX-License-Identifier: Apache-2.0
// Printing a tree of the store.
#include "list_tree.hpp"

#include <cerrno>
#include <expected>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include "text.hpp"

namespace {

constexpr std::size_t permission_column = 60;
/// What surrounds a cut value: ' = "', then '\..."'.
constexpr std::size_t decoration = sizeof " = \"\\...\"" - 2;

std::size_t terminal_width() {
    winsize size{};
    if (::isatty(STDOUT_FILENO) && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 2)
        return size.ws_col - 2u;
    return 80;
}

/// One node of the listing.
struct Item {
    std::string name, path;
    std::expected<std::string, int> value = std::unexpected(ENOENT);
    std::vector<std::string> permissions;
    std::vector<Item> children;
};

class Lister {
  public:
    Lister(store::Client& client, store::Transaction t, TreeStyle style, std::string& out)
        : client_{client}, transaction_{t}, style_{style}, out_{out}, width_{terminal_width()} {}

    xen::Result<> list(std::string const& path) {
        // Also where there is more than fits in one reply, and with the error that the user is told.
        Item top{.path = path};
        add_children(top, XEN_TRY(client_.list(path, transaction_)));
        XEN_TRY(fetch(top));
        print(top, 0);
        return {};
    }

  private:
    static void add_children(Item& parent, std::vector<std::string> names) {
        auto const before = (parent.path == "/" ? "" : parent.path) + "/";
        parent.children.reserve(names.size());
        for (auto& name : names) {
            auto path = before + name;
            parent.children.push_back({.name = std::move(name), .path = std::move(path)});
        }
    }

    /// Level by level, with many requests under way at once: a node then costs what its bytes cost, not a round trip.
    xen::Result<> fetch(Item& top) {
        std::vector<Item*> level = pointers(top.children);
        while (!level.empty()) {
            std::vector<std::string> paths;
            for (Item const* const item : level) paths.push_back(item->path);
            auto values = XEN_TRY(client_.ask_all(abi::XenstoreOp::Read, paths, transaction_));
            auto const names = XEN_TRY(client_.ask_all(abi::XenstoreOp::Directory, paths, transaction_));
            for (std::size_t i = 0; i < level.size(); ++i) {
                level[i]->value = std::move(values[i]);
                if (names[i]) add_children(*level[i], store::Client::names_in(*names[i]));
                else if (names[i].error() == E2BIG)
                    add_children(*level[i], XEN_TRY(client_.list(paths[i], transaction_)));
                // A node may go while we look at the tree: its children are simply not there then.
                else if (names[i].error() != ENOENT && names[i].error() != EACCES)
                    return xen::fail(names[i].error(), "xenstore: list " + paths[i]);
            }
            if (style_.permissions) {
                auto const lists = XEN_TRY(client_.ask_all(abi::XenstoreOp::GetPerms, paths, transaction_));
                for (std::size_t i = 0; i < level.size(); ++i)
                    if (lists[i]) level[i]->permissions = store::Client::names_in(*lists[i]);
            }
            std::vector<Item*> next;
            for (Item* const item : level)
                for (Item* const child : pointers(item->children)) next.push_back(child);
            level = std::move(next);
        }
        return {};
    }

    static std::vector<Item*> pointers(std::vector<Item>& items) {
        std::vector<Item*> out;
        for (Item& item : items) out.push_back(&item);
        return out;
    }

    /// Paths are at most 3072 bytes, so depth is bounded.
    void print(Item const& parent, std::size_t depth) {
        for (Item const& item : parent.children) {
            line(item, depth);
            print(item, depth + 1);
        }
    }

    void line(Item const& item, std::size_t depth) {
        std::size_t column = 0;
        if (style_.full_path) {
            out_ += item.path;
        } else {
            out_.append(depth, ' ');
            auto const room = width_ > decoration + depth ? width_ - decoration - depth : 0;
            out_ += item.name.substr(0, room);
            column = depth + std::min(item.name.size(), room);
        }
        if (item.value) print_value(escaped(*item.value), column);
        else out_ += ':';
        if (style_.permissions && item.value) print_permissions(item.permissions);
        out_ += '\n';
    }

    void print_value(std::string const& value, std::size_t column) {
        if (!style_.full_path && width_ < column + value.size() + decoration) {
            auto const room = width_ > decoration + column ? width_ - decoration - column : 0;
            out_.append(" = \"").append(value, 0, room).append("\\...\"");
            return;
        }
        out_.append(" = \"").append(value) += '"';
        if (!style_.permissions) return;
        out_ += ' ';
        if (style_.full_path) return;
        std::size_t const end = std::min(permission_column, width_);
        for (column += value.size() + 6; column < end; ++column) out_ += column & 1 ? '.' : ' ';
    }

    void print_permissions(std::vector<std::string> const& list) {
        if (list.empty()) return;
        out_ += "  (";
        for (std::size_t i = 0; i < list.size(); ++i) out_.append(i ? "," : "").append(list[i]);
        out_ += ')';
    }

    store::Client& client_;
    store::Transaction transaction_;
    TreeStyle style_;
    std::string& out_;
    std::size_t width_;
};

} // namespace

xen::Result<> list_tree(store::Client& client, store::Transaction t, std::string const& path, TreeStyle style,
                        std::string& out) {
    return Lister{client, t, style, out}.list(path);
}
