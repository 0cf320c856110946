// SPDX-License-Identifier: Apache-2.0
// Reports of machine checks as dom0 fetches them (public/arch-x86/xen-mca.h): composing one, and the queues. Pure.
#pragma once

#include "abi/extra/mca.hpp"
#include "x86/machine/mca/error.hpp"

#include <array>

namespace px::x86::mca {

/// How an error was found.
enum class Finder : u8 { Exception, Poll, Reset };

/// One error, with what was known when it was found.
struct Record {
    Bank bank;
    Severity severity = Severity::None;
    Finder finder = Finder::Poll;
    bool ends_guest = false;  ///< the guest that ran
    u64 global = 0;           ///< MCG_STATUS
    u64 time = 0;             ///< TSC
    u16 domain = 0, vcpu = 0; ///< that ran
};

/// Where the CPU is.
struct Place {
    u32 socket, apic_id;
    u16 core;
};

/// The report of an error: who ran where, and the bank. owner: number of the domain whose memory is wrong, or
/// domid_invalid.
[[nodiscard]] abi::McInfo compose(const Record& record, const Place& place, u16 owner);

/// Reports of one urgency until dom0 has taken and acknowledged them, oldest first. The caller serialises.
class ReportQueue {
  public:
    static constexpr u32 capacity = 16;

    /// False: full; the older ones stay, they are nearer to the cause.
    bool add(const abi::McInfo& report) {
        for (Slot& s : slots_) {
            if (s.state != State::Free) continue;
            s = {report, ++last_, State::Ready};
            return true;
        }
        return false;
    }
    /// The oldest that nobody has fetched, with the number to acknowledge it by; null: none.
    [[nodiscard]] const abi::McInfo* fetch(u64& number) {
        Slot* oldest = nullptr;
        for (Slot& s : slots_)
            if (s.state == State::Ready && (!oldest || s.number < oldest->number)) oldest = &s;
        if (!oldest) return nullptr;
        oldest->state = State::Fetched;
        number = oldest->number;
        return &oldest->report;
    }
    /// It did not reach who fetched it: the next one gets it.
    void put_back(u64 number) { change(number, State::Ready); }
    /// It is not needed any more. Numbers of none do nothing.
    void acknowledge(u64 number) { change(number, State::Free); }

  private:
    enum class State : u8 { Free, Ready, Fetched };
    struct Slot {
        abi::McInfo report;
        u64 number;
        State state;
    };
    void change(u64 number, State to) {
        for (Slot& s : slots_)
            if (s.state == State::Fetched && s.number == number) s.state = to;
    }
    std::array<Slot, capacity> slots_{};
    u64 last_ = 0;
};

} // namespace px::x86::mca
