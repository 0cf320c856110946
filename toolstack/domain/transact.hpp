// SPDX-License-Identifier: Apache-2.0
// Changes of several nodes at once, with failures that a user reads.
#pragma once

#include "domain/session.hpp"
#include "store/transact.hpp"

#include <optional>
#include <type_traits>
#include <utility>

namespace domain {

/// store::transact() with `what` in front of the store's errors. `queue(transaction)` gives a xen::Result<>, or a
/// Result<void> whose failure ends it as it is.
template <class Queue> Result<void> transact(store::Client& client, std::string_view what, Queue queue) {
    std::optional<Failure> failure;
    auto done = store::transact(client, [&](store::Transaction transaction) -> xen::Result<> {
        auto queued = queue(transaction);
        if constexpr (std::is_same_v<decltype(queued), Result<void>>) {
            if (queued) return {};
            failure = std::move(queued).error();
            return xen::fail(ECANCELED, "");
        } else {
            return queued;
        }
    });
    if (failure) return std::unexpected(std::move(*failure));
    return or_fail(std::move(done), what);
}

} // namespace domain
