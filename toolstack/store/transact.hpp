// SPDX-License-Identifier: Apache-2.0
// Doing something in a transaction, again after each conflict.
#pragma once

#include "store/client.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace store {

/// After so many conflicts in a row somebody changes the same nodes all the time.
inline constexpr int most_conflicts = 100;

/// Runs `body(transaction)`, which gives a xen::Result<> and may leave requests in the queue, until its transaction
/// gets through. A body that failed is not tried again, except with EAGAIN. After most_conflicts the error is EAGAIN. A
/// body may run again although it has been committed, if xenstored went away just then (see Client): it must know its
/// own work.
template <class Body> [[nodiscard]] xen::Result<> transact(Client& client, Body body) {
    for (int conflicts = 0;; ++conflicts) {
        auto const transaction = XEN_TRY(client.begin());
        xen::Result<> done = body(transaction);
        if (done) done = client.flush();
        if (done) done = client.commit(transaction);
        else (void)client.abort(transaction);
        if (done || done.error().code != EAGAIN) return done;
        if (conflicts == most_conflicts)
            return xen::fail(EAGAIN,
                             "xenstore: " + std::to_string(conflicts) + " conflicts in a row with other changes");
        // The first ones are mere chance; later ones want the others to get out of the way.
        if (conflicts > 8) std::this_thread::sleep_for(std::chrono::milliseconds(std::min(conflicts, 20)));
    }
}

} // namespace store
