// SPDX-License-Identifier: Apache-2.0
// Strong numbers: quantities of different meaning are different types, in release builds too.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>

namespace px {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

/// A number with a meaning of its own. No implicit conversion in or out; arithmetic only with plain counts.
/// @tparam Tag makes the type distinct, @tparam T is the representation.
template <class Tag, std::unsigned_integral T> class Number {
  public:
    using Representation = T;

    constexpr Number() = default;
    constexpr explicit Number(T value) : value_(value) {}

    [[nodiscard]] constexpr T raw() const { return value_; }
    /// The value that no valid number of this kind has (all ones).
    [[nodiscard]] static constexpr Number invalid() { return Number(static_cast<T>(~T{0})); }
    [[nodiscard]] constexpr bool is_valid() const { return value_ != static_cast<T>(~T{0}); }

    friend constexpr auto operator<=>(Number, Number) = default;
    friend constexpr Number operator+(Number a, T n) { return Number(static_cast<T>(a.value_ + n)); }
    friend constexpr Number operator-(Number a, T n) { return Number(static_cast<T>(a.value_ - n)); }
    /// Distance between two numbers of one kind, as a plain count.
    friend constexpr T operator-(Number a, Number b) { return static_cast<T>(a.value_ - b.value_); }
    constexpr Number& operator++() {
        ++value_;
        return *this;
    }
    constexpr Number& operator+=(T n) {
        value_ = static_cast<T>(value_ + n);
        return *this;
    }

  private:
    T value_ = 0;
};

/// Machine frame number: a 4 KiB frame of host memory.
using Mfn = Number<struct MfnTag, u64>;
/// Guest frame number: what the guest calls a frame; equals the Mfn for paravirtual guests.
using Gfn = Number<struct GfnTag, u64>;
/// Pseudo-physical frame number: a paravirtual guest's own contiguous numbering.
using Pfn = Number<struct PfnTag, u64>;
/// Host physical byte address.
using Paddr = Number<struct PaddrTag, u64>;
/// Hypervisor virtual byte address.
using Vaddr = Number<struct VaddrTag, u64>;
/// Guest virtual byte address, as the guest gave it: unchecked.
using GuestVaddr = Number<struct GuestVaddrTag, u64>;
/// Domain id (0x7FF0 and above are reserved values, xen.h).
using DomId = Number<struct DomIdTag, u16>;
/// vCPU number inside its domain.
using VcpuId = Number<struct VcpuIdTag, u32>;
/// Host CPU number, dense from 0 (0 is the boot CPU).
using CpuId = Number<struct CpuIdTag, u32>;
/// Event channel port inside its domain.
using Port = Number<struct PortTag, u32>;
/// Grant reference inside its domain.
using GrantRef = Number<struct GrantRefTag, u32>;
/// Physical interrupt number as a domain knows it (GSI, or above nr_gsis for MSI).
using Pirq = Number<struct PirqTag, u32>;
/// Host interrupt number: index of the host's interrupt descriptor table of irq.hpp.
using Irq = Number<struct IrqTag, u32>;

/// Time in nanoseconds of system time (since boot), or a span of it.
using Nanoseconds = s64;

inline constexpr u64 page_shift = 12;
inline constexpr u64 page_size = u64{1} << page_shift;
inline constexpr u64 page_mask = ~(page_size - 1);

/// Frame that contains a physical address.
constexpr Mfn mfn_of(Paddr a) { return Mfn(a.raw() >> page_shift); }
/// First byte of a frame.
constexpr Paddr paddr_of(Mfn m) { return Paddr(m.raw() << page_shift); }
/// Number of pages that hold n bytes.
constexpr u64 pages_for(u64 bytes) { return (bytes + page_size - 1) >> page_shift; }

} // namespace px
