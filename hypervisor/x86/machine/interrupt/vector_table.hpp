// SPDX-License-Identifier: Apache-2.0
// Which interrupt owns each device vector of one CPU. Pure.
#pragma once

#include "base/number.hpp"
#include "x86/machine/interrupt/apic.hpp"

namespace px::x86::irq {

/// The device vectors of a CPU: each CPU has its own, so that a large host has many. All zero: nothing taken.
/// Changes are made under one lock; owner() may be called without it, from the interrupt itself.
class VectorTable {
  public:
    static constexpr u32 count = apic::vector::last_device - apic::vector::first_device + 1;
    static constexpr bool is_device(u8 vector) {
        return vector >= apic::vector::first_device && vector <= apic::vector::last_device;
    }

    [[nodiscard]] u32 used() const { return used_; }
    /// Takes some free vector for an interrupt; 0: none is free. Spreads over priority classes (16 vectors each).
    [[nodiscard]] u8 take(Irq irq) {
        for (u32 i = 0; i < count; ++i) {
            const u32 at = next_;
            next_ = next_ + step < count ? next_ + step : (next_ + 1) % step; // column by column
            if (owner_[at] == 0) return give_to(at, irq);
        }
        return 0;
    }
    /// Takes this very vector; false if it is taken.
    [[nodiscard]] bool take(Irq irq, u8 vector) {
        const u32 i = index(vector);
        if (owner_[i] != 0) return false;
        give_to(i, irq);
        return true;
    }
    void release(u8 vector) {
        const u32 i = index(vector);
        if (owner_[i] != 0) --used_;
        __atomic_store_n(&owner_[i], u16{0}, __ATOMIC_RELAXED);
    }
    /// Owner of a vector; invalid if none.
    [[nodiscard]] Irq owner(u8 vector) const {
        if (!is_device(vector)) return Irq::invalid();
        const u16 o = __atomic_load_n(&owner_[index(vector)], __ATOMIC_RELAXED);
        return o == 0 ? Irq::invalid() : Irq(o - 1u);
    }

  private:
    static constexpr u32 step = 16;
    static_assert(count % step == 0);
    static constexpr u32 index(u8 vector) { return vector - u32{apic::vector::first_device}; }
    u8 give_to(u32 i, Irq irq) {
        ++used_;
        __atomic_store_n(&owner_[i], static_cast<u16>(irq.raw() + 1), __ATOMIC_RELAXED);
        return static_cast<u8>(apic::vector::first_device + i);
    }
    u16 owner_[count]; ///< Irq + 1; 0: free
    u32 used_;
    u32 next_;
};

} // namespace px::x86::irq
