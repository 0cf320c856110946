// SPDX-License-Identifier: Apache-2.0
// A domain's ring page: bytes in and out, with the domain trusted in nothing.
#pragma once

#include "abi/xenstore.hpp"
#include "store/core/server.hpp"

namespace store {

/// The two byte queues in the page shared with a domain. The page is the domain's: every index is read
/// once and checked. Positions taken are published only by push(), after the journal knows of them, so
/// that a restart at any moment loses and repeats nothing.
class Ring {
  public:
    explicit Ring(abi::XenstoreDomainInterface& page) : page_{&page} {}

    /// Takes over the positions in the page of a domain that is introduced.
    void start(Domain& domain);
    /// Connects a domain known from the journal: publishes what was not, or follows the domain where the
    /// page shows that it has started its ring anew.
    void resume(Server& server, Domain& domain);

    enum class Pulled { Nothing, Message, Violation };
    /// Appends to the connection's input until it holds one whole message.
    [[nodiscard]] Pulled pull(Server& server, Domain& domain);
    struct Pushed {
        bool notify; ///< the domain must hear of it
        bool more;   ///< there are requests that the domain may have sent without an event
    };
    /// Publishes what was taken and delivers what fits. Domains send events sparingly: for a request only if
    /// all before it had been taken, for room only if the queue was full. So after publishing an index the
    /// other side's is read again, until nothing is left or the queue was seen full.
    [[nodiscard]] Pushed push(Domain& domain);

    /// Marks the ring as given up, and tells the domain why.
    void give_up(abi::XenstoreRingError why);
    [[nodiscard]] bool is_given_up() const { return given_up_; }
    /// True if the domain asks for a new start; the caller then calls Server::reset_connection() and restart().
    [[nodiscard]] bool wants_reset() const;
    /// Empties the page and tells the domain that it may go on.
    void restart(Domain& domain);

  private:
    void follow(Server& server, Domain& domain);
    /// One round of delivery; false when nothing is left, or the queue was seen full, or makes no sense.
    bool deliver(Domain& domain);
    abi::XenstoreDomainInterface* page_;
    std::uint32_t published_consumed_ = 0;
    std::uint32_t published_owed_ = 0;
    bool given_up_ = false;
};

} // namespace store
