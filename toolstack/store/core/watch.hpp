// SPDX-License-Identifier: Apache-2.0
// Watches and the index that finds those which a change concerns.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace store {

class Connection;

/// One registered watch.
struct Watch {
    Connection* owner = nullptr;
    std::string path;  ///< absolute, or a special name
    std::string given; ///< as the client wrote it: relative or absolute
    std::string token;
    std::optional<unsigned> depth; ///< levels below `path` whose changes count; nothing = all

    /// The changed path as this client wants to read it.
    [[nodiscard]] std::string_view event_path(std::string_view changed) const;
    /// True if a change of `changed`, which is `path` or below it, is not too deep.
    [[nodiscard]] bool covers(std::string_view changed) const;
    [[nodiscard]] std::size_t bytes() const { return sizeof(Watch) + path.size() + given.size() + token.size(); }
};

/// All watches by path.
class WatchIndex {
  public:
    void add(Watch& watch);
    void remove(Watch& watch);
    [[nodiscard]] bool empty() const { return by_path_.empty(); }

    /// Watches on exactly this path.
    template <class Visit> void for_exact(std::string_view path, Visit visit) const {
        auto const found = by_path_.find(path);
        if (found == by_path_.end()) return;
        for (Watch* const watch : found->second) visit(*watch);
    }
    /// Watches on this path and on each of its ancestors, deepest last, depth observed.
    template <class Visit> void for_covering(std::string_view path, Visit visit) const {
        auto const exact = [&](std::string_view at) {
            for_exact(at, [&](Watch& watch) {
                if (watch.covers(path)) visit(watch);
            });
        };
        if (empty()) return;
        if (path.front() == '/' && path.size() > 1) {
            exact("/");
            for (auto slash = path.find('/', 1); slash != std::string_view::npos; slash = path.find('/', slash + 1))
                exact(path.substr(0, slash));
        }
        exact(path);
    }

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    std::unordered_map<std::string, std::vector<Watch*>, Hash, std::equal_to<>> by_path_;
};

} // namespace store
