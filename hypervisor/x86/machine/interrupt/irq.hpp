// SPDX-License-Identifier: Apache-2.0
// The host's device interrupts: descriptors, their vectors and CPUs, and the guests they go to.
#pragma once

#include "base/lock.hpp"
#include "base/percpu.hpp"
#include "base/result.hpp"

#include <atomic>

namespace px {
class Domain;
}

namespace px::x86::irq {

struct Descriptor;

/// Operations of an interrupt's source. Called with the descriptor's lock held.
struct Chip {
    const char* name;
    void (*mask)(Descriptor&);
    void (*unmask)(Descriptor&);
    /// Sends it to this CPU and vector from now on; false if that cannot be done safely while it is enabled.
    bool (*set_target)(Descriptor&, CpuId cpu, u8 vector);
};

/// A guest that gets the interrupt.
struct Binding {
    Domain* domain;
    Pirq pirq;
    bool awaits_eoi; ///< told of it, and has not said that it is done
};

/// An interrupt of the host. Interrupts below gsi_count() are the I/O APICs' (their number is the GSI), others are
/// MSIs.
struct Descriptor {
    static constexpr unsigned max_sharers = 8;
    struct Place {
        u8 vector; ///< 0: none
        u32 cpu;
    };

    SpinLock<LockRank::Irq> lock;
    Irq number;
    const Chip* chip; ///< null: not set up
    void* chip_data;  ///< msi::Entry
    bool is_level;    ///< masked until all guests that were told have ended it
    bool is_storming; ///< masked for a while: too many
    Place place;      ///< where it goes
    Place old_place;  ///< where it went before the last move, until the first interrupt at the new place
    Binding guests[max_sharers];
    u32 guest_count;
    u32 in_flight;            ///< guests with awaits_eoi
    std::atomic<u32> sending; ///< CPUs that send its events right now, without the lock
    Nanoseconds window_start;
    u32 window_count;
    u64 count; ///< interrupts so far
};

void init();
/// A device vector has fired on this CPU. Interrupts off.
void handle(u8 vector);

/// GSIs of all I/O APICs: 0 to gsi_count() - 1. The smallest number of an MSI.
[[nodiscard]] u32 gsi_count();
/// Interrupts there can be.
inline constexpr u32 max_irqs = 16384;

/// Descriptor of a GSI or of an MSI that exists; null otherwise.
[[nodiscard]] Descriptor* find(Irq irq);
/// Sets up a GSI's descriptor with a vector, masked; nothing if it is set up. Errors: Invalid, NoSpace, NoMemory.
Result<Descriptor*> set_up_gsi(u32 gsi);
/// A new descriptor for an MSI, with a vector, without a target programmed. Errors: NoSpace, NoMemory.
Result<Descriptor*> create_msi(const Chip& chip, void* chip_data);
/// Takes it down: masked, its vectors free. It has no guests.
void shut_down(Descriptor& descriptor);

/// Adds a guest; the first one unmasks it. Errors: Busy (not shared, or too many sharers).
Result<> bind(Descriptor& descriptor, Domain& domain, Pirq pirq, bool shareable, CpuId cpu);
/// Takes a guest out (ends what it has not ended) and waits until no event is being sent to it. The last one masks it.
void unbind(Descriptor& descriptor, Domain& domain, Pirq pirq);
/// The guest is done with it.
void end(Descriptor& descriptor, Domain& domain, Pirq pirq);
/// Moves it to a CPU, if it can be moved now.
void move(Descriptor& descriptor, CpuId cpu);
/// True if more than one guest gets it.
[[nodiscard]] bool is_shared(Descriptor& descriptor);
/// Debug key 'i'.
void dump();

} // namespace px::x86::irq
