// SPDX-License-Identifier: Apache-2.0
// Printing a tree of the store.
#include "list_tree.hpp"

#include <cerrno>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

class Lister {
  public:
    Lister(store::Client& client, store::Transaction t, TreeStyle style, std::string& out)
        : client_{client}, transaction_{t}, style_{style}, out_{out}, width_{terminal_width()} {}

    /// Paths are at most 3072 bytes, so depth is bounded.
    xen::Result<> list(std::string const& path, std::size_t depth) {
        auto const names = XEN_TRY(client_.list(path, transaction_));
        for (auto const& name : names) {
            auto const child = (path == "/" ? "" : path) + "/" + name;
            line(child, name, depth);
            // A node may go while we look at the tree: its children are simply not there then.
            if (auto done = list(child, depth + 1); !done && done.error().code != ENOENT && done.error().code != EACCES)
                return done;
        }
        return {};
    }

  private:
    void line(std::string const& path, std::string const& name, std::size_t depth) {
        std::size_t column = 0;
        if (style_.full_path) {
            out_ += path;
        } else {
            out_.append(depth, ' ');
            auto const room = width_ > decoration + depth ? width_ - decoration - depth : 0;
            out_ += name.substr(0, room);
            column = depth + std::min(name.size(), room);
        }
        auto const value = client_.read(path, transaction_);
        if (value) print_value(escaped(*value), column);
        else out_ += ':';
        if (style_.permissions && value) print_permissions(path);
        out_ += '\n';
    }

    void print_value(std::string const& value, std::size_t column) {
        if (!style_.full_path && width_ < column + value.size() + decoration) {
            auto const room = width_ > decoration + column ? width_ - decoration - column : 0;
            out_ += fmt::format(" = \"{}\\...\"", value.substr(0, room));
            return;
        }
        out_ += fmt::format(" = \"{}\"", value);
        if (!style_.permissions) return;
        out_ += ' ';
        if (style_.full_path) return;
        std::size_t const end = std::min(permission_column, width_);
        for (column += value.size() + 6; column < end; ++column) out_ += column & 1 ? '.' : ' ';
    }

    void print_permissions(std::string const& path) {
        auto const list = client_.permissions(path, transaction_);
        if (!list) return;
        out_ += "  (";
        for (std::size_t i = 0; i < list->size(); ++i) out_.append(i ? "," : "").append((*list)[i]);
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
    return Lister{client, t, style, out}.list(path, 0);
}
