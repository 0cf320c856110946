// SPDX-License-Identifier: Apache-2.0
// Work that one CPU asks others to do and waits for: a mailbox per CPU, no lock.
#pragma once

#include "base/bitmap.hpp"
#include "base/percpu.hpp"

#include <atomic>

namespace px::machine {

/// Each CPU has one request (it asks for one thing at a time) and an inbox with a bit per CPU that asks something of
/// it. Payload is trivially copyable. Objects are PX_PER_CPU: all zero at start.
template <class Payload> struct CrossCallSlot {
    static constexpr unsigned words = max_cpus / 64;
    Payload payload;
    std::atomic<u64> unfinished[words]; ///< targets that have not served the request yet
    std::atomic<u64> inbox[words];      ///< CPUs whose request waits for this CPU
};

/// The mechanism over the slots; tests replace the notification.
template <class Payload> class CrossCall {
  public:
    using Slot = CrossCallSlot<Payload>;
    constexpr explicit CrossCall(PerCpu<Slot>& slots) : slots_(slots) {}

    /// Puts a request of this CPU into the inboxes of `targets` (without this CPU). The caller then notifies them.
    void post(const CpuMask& targets, const Payload& payload) {
        Slot& own = slots_.here();
        const u32 me = this_cpu().raw();
        own.payload = payload;
        for (unsigned w = 0; w < Slot::words; ++w) own.unfinished[w].store(targets.word(w), std::memory_order_relaxed);
        for (unsigned cpu = targets.find(); cpu < max_cpus; cpu = targets.find(cpu + 1))
            // Release: who sees the bit (serve's exchange) sees the payload.
            slots_.on(CpuId(cpu)).inbox[me / 64].fetch_or(u64{1} << (me % 64), std::memory_order_release);
    }
    /// True once all targets have served this CPU's request.
    [[nodiscard]] bool is_finished() {
        for (auto& word : slots_.here().unfinished)
            if (word.load(std::memory_order_acquire) != 0) return false; // pairs with serve's release
        return true;
    }
    /// Serves all requests to this CPU. Interrupts off.
    template <class F> void serve(F&& function) {
        Slot& own = slots_.here();
        const u32 me = this_cpu().raw();
        for (unsigned w = 0; w < Slot::words; ++w) {
            if (own.inbox[w].load(std::memory_order_relaxed) == 0) continue;
            u64 asking = own.inbox[w].exchange(0, std::memory_order_acquire);
            for (; asking != 0; asking &= asking - 1) {
                Slot& from = slots_.on(CpuId(w * 64 + static_cast<u32>(__builtin_ctzll(asking))));
                function(from.payload);
                from.unfinished[me / 64].fetch_and(~(u64{1} << (me % 64)), std::memory_order_release);
            }
        }
    }

  private:
    PerCpu<Slot>& slots_;
};

} // namespace px::machine
