// SPDX-License-Identifier: Apache-2.0
// Watches of one wait, which go when the wait ends, however it ends.
#pragma once

#include "store/client.hpp"

#include <span>
#include <string>
#include <vector>

namespace store {

/// Registers watches under a token of its own, and takes them away with their events when it dies. The client must
/// outlive it. What it could not take away (xenstored is away for good) a later connection of the client does not have
/// either.
class Watching {
  public:
    [[nodiscard]] static xen::Result<Watching> start(Client& client, std::span<std::string const> paths);
    Watching(Watching&& other) noexcept
        : client_{std::exchange(other.client_, nullptr)}, paths_{std::move(other.paths_)},
          token_{std::move(other.token_)} {}
    Watching& operator=(Watching&&) = delete;
    ~Watching();

    /// What its events carry.
    [[nodiscard]] std::string const& token() const { return token_; }

  private:
    Watching(Client& client, std::string token) : client_{&client}, token_{std::move(token)} {}
    Client* client_;
    std::vector<std::string> paths_;
    std::string token_;
};

} // namespace store
