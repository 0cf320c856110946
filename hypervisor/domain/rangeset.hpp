// SPDX-License-Identifier: Apache-2.0
// A set of numbers kept as ranges: which frames, ports and interrupts a domain may touch.
#pragma once

#include "base/number.hpp"
#include "base/result.hpp"

namespace px {

/// A set of u64 as sorted, disjoint, non-adjacent closed ranges in one array. Not thread-safe: guard it with a lock.
class RangeSet {
  public:
    struct Range {
        u64 first, last;
        friend bool operator==(const Range&, const Range&) = default;
    };
    /// Ranges a set may have: bounds what a privileged tool can make the hypervisor allocate.
    static constexpr u32 max_ranges = 4096;

    RangeSet() = default;
    ~RangeSet();
    RangeSet(const RangeSet&) = delete;
    RangeSet& operator=(const RangeSet&) = delete;

    /// Adds first to last, both included; first <= last. Errors: Invalid, NoMemory (nothing changed then).
    Result<> add(u64 first, u64 last);
    /// Takes first to last out, whether or not they were in. Errors: Invalid, NoMemory (nothing changed then).
    Result<> remove(u64 first, u64 last);
    /// True if all of first to last is in.
    [[nodiscard]] bool contains(u64 first, u64 last) const;
    [[nodiscard]] bool contains(u64 value) const { return contains(value, value); }
    /// True if any of first to last is in.
    [[nodiscard]] bool overlaps(u64 first, u64 last) const;
    [[nodiscard]] bool is_empty() const { return count_ == 0; }
    [[nodiscard]] u32 count() const { return count_; }
    /// Range number i < count(), in ascending order.
    [[nodiscard]] Range at(u32 i) const { return ranges_[i]; }

  private:
    [[nodiscard]] u32 first_reaching(u64 value) const;
    Result<> reserve(u32 count);
    void replace(u32 from, u32 to, const Range* with, u32 with_count);

    Range* ranges_ = nullptr;
    u32 count_ = 0;
    u32 capacity_ = 0;
};

} // namespace px
