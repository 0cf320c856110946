// SPDX-License-Identifier: Apache-2.0
// Watches and the index that finds those which a change concerns.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "abi/types.hpp"

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
    /// Of memory, with its place in the index.
    [[nodiscard]] std::size_t bytes() const {
        return sizeof(Watch) + 192 + 2 * path.size() + given.size() + token.size();
    }
};

/// The watches on one path, by the domain that set them: whether it may see a change is asked once for all of them.
using WatchGroup = std::map<abi::domid_t, std::vector<Watch*>>;

/// All watches by path.
class WatchIndex {
  public:
    void add(Watch& watch);
    void remove(Watch& watch);
    [[nodiscard]] bool empty() const { return by_path_.empty(); }

    /// visit(group) for the watches on exactly this path.
    template <class Visit> void for_exact(std::string_view path, Visit visit) const {
        auto const found = by_path_.find(path);
        if (found != by_path_.end()) visit(found->second);
    }
    /// visit(group) for this path and each of its ancestors, deepest last. Depth is the visitor's business.
    template <class Visit> void for_covering(std::string_view path, Visit visit) const {
        if (empty()) return;
        if (path.front() == '/' && path.size() > 1) {
            for_exact("/", visit);
            for (auto slash = path.find('/', 1); slash != std::string_view::npos; slash = path.find('/', slash + 1))
                for_exact(path.substr(0, slash), visit);
        }
        for_exact(path, visit);
    }

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    std::unordered_map<std::string, WatchGroup, Hash, std::equal_to<>> by_path_;
};

} // namespace store
