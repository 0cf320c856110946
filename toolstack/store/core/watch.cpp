// SPDX-License-Identifier: Apache-2.0
// The watch index.
#include "store/core/watch.hpp"

#include <algorithm>

#include "store/core/connection.hpp"

namespace store {

std::string_view Watch::event_path(std::string_view changed) const {
    return changed.substr(path.size() - given.size());
}

bool Watch::covers(std::string_view changed) const {
    if (!depth) return true;
    auto const below = changed.substr(path == "/" ? 0 : path.size());
    if (changed == path) return true;
    return static_cast<unsigned long>(std::ranges::count(below, '/')) <= *depth;
}

void WatchIndex::add(Watch& watch) { by_path_[watch.path][watch.owner->who.domid].push_back(&watch); }

void WatchIndex::remove(Watch& watch) {
    auto const found = by_path_.find(watch.path);
    if (found == by_path_.end()) return;
    auto const group = found->second.find(watch.owner->who.domid);
    if (group == found->second.end()) return;
    std::erase(group->second, &watch);
    if (group->second.empty()) found->second.erase(group);
    if (found->second.empty()) by_path_.erase(found);
}

} // namespace store
