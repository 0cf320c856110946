// SPDX-License-Identifier: Apache-2.0
// Registering and taking away the watches of one wait.
#include "store/watching.hpp"

#include <atomic>
#include <fmt/format.h>

namespace store {

xen::Result<Watching> Watching::start(Client& client, std::span<std::string const> paths) {
    static std::atomic<unsigned> count = 0; // waits may be nested, and on the same paths
    Watching watching{client, fmt::format("wait-{}", ++count)};
    for (auto const& path : paths) {
        XEN_TRY(client.watch(path, watching.token_));
        watching.paths_.push_back(path);
    }
    return watching;
}

Watching::~Watching() {
    if (!client_) return;
    for (auto const& path : paths_) (void)client_->unwatch(path, token_);
    client_->forget_events(token_);
}

} // namespace store
