// SPDX-License-Identifier: Apache-2.0
// The console page of a domain: its output to us, our input to it. The domain is trusted in nothing.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "abi/console.hpp"

namespace xenconsoled {

/// Both byte queues. An index that makes no sense counts as an empty (or full) queue.
class ConsoleRing {
  public:
    explicit ConsoleRing(abi::ConsoleInterface& page) : page_{&page} {}

    /// Takes all output that is there; at most 2 KiB.
    void take_output(std::string& out) {
        std::uint32_t const produced = load(page_->out_prod);
        std::uint32_t consumed = load(page_->out_cons);
        if (produced - consumed > sizeof page_->out) return;
        for (; consumed != produced; ++consumed) out += page_->out[consumed % sizeof page_->out];
        store(page_->out_cons, consumed);
    }
    /// Bytes of input that fit.
    [[nodiscard]] std::size_t room() const {
        std::uint32_t const used = load(page_->in_prod) - load(page_->in_cons);
        return used > sizeof page_->in ? 0 : sizeof page_->in - used;
    }
    /// Gives input, which must fit.
    void give_input(std::string_view bytes) {
        std::uint32_t produced = load(page_->in_prod);
        for (char const c : bytes) page_->in[produced++ % sizeof page_->in] = c;
        store(page_->in_prod, produced);
    }

  private:
    static std::uint32_t load(std::uint32_t& field) { return std::atomic_ref{field}.load(std::memory_order_acquire); }
    // Pairs with the domain's acquiring load: it sees the bytes before the index, or we have read them.
    static void store(std::uint32_t& field, std::uint32_t value) {
        std::atomic_ref{field}.store(value, std::memory_order_release);
    }
    abi::ConsoleInterface* page_;
};

} // namespace xenconsoled
