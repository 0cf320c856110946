// SPDX-License-Identifier: Apache-2.0
// Sets of numbers as sorted ranges in one array: few ranges, looked up often, changed rarely.
#include "domain/rangeset.hpp"

#include "memory/heap.hpp"

namespace px {

RangeSet::~RangeSet() {
    if (ranges_) heap::free_bytes(ranges_);
}

/// Index of the first range that ends at or after value; count_ if none does.
u32 RangeSet::first_reaching(u64 value) const {
    u32 low = 0, high = count_;
    while (low < high) {
        const u32 middle = low + (high - low) / 2;
        if (ranges_[middle].last < value) low = middle + 1;
        else high = middle;
    }
    return low;
}

Result<> RangeSet::reserve(u32 count) {
    if (count <= capacity_) return {};
    if (count > max_ranges) return fail(Error::NoMemory);
    const u32 capacity = capacity_ ? capacity_ * 2 : 8;
    auto* bigger = static_cast<Range*>(heap::allocate_bytes(capacity * sizeof(Range)));
    if (!bigger) return fail(Error::NoMemory);
    for (u32 i = 0; i < count_; ++i) bigger[i] = ranges_[i];
    if (ranges_) heap::free_bytes(ranges_);
    ranges_ = bigger;
    capacity_ = capacity;
    return {};
}

/// Puts `with` in the place of the ranges [from, to). There is room.
void RangeSet::replace(u32 from, u32 to, const Range* with, u32 with_count) {
    const u32 removed = to - from;
    if (with_count > removed)
        for (u32 i = count_; i > to; --i) ranges_[i - 1 + with_count - removed] = ranges_[i - 1];
    else
        for (u32 i = to; i < count_; ++i) ranges_[i - removed + with_count] = ranges_[i];
    for (u32 i = 0; i < with_count; ++i) ranges_[from + i] = with[i];
    count_ = count_ - removed + with_count;
}

Result<> RangeSet::add(u64 first, u64 last) {
    if (first > last) return fail(Error::Invalid);
    TRY(reserve(count_ + 1));
    // Ranges that touch it, neighbours included, melt into one.
    const u32 from = first_reaching(first == 0 ? 0 : first - 1);
    u32 to = from;
    Range merged{first, last};
    while (to < count_ && (last == ~u64{0} || ranges_[to].first <= last + 1)) {
        if (ranges_[to].first < merged.first) merged.first = ranges_[to].first;
        if (ranges_[to].last > merged.last) merged.last = ranges_[to].last;
        ++to;
    }
    replace(from, to, &merged, 1);
    return {};
}

Result<> RangeSet::remove(u64 first, u64 last) {
    if (first > last) return fail(Error::Invalid);
    TRY(reserve(count_ + 1));
    const u32 from = first_reaching(first);
    u32 to = from, parts = 0;
    Range left[2];
    while (to < count_ && ranges_[to].first <= last) {
        if (ranges_[to].first < first) left[parts++] = {ranges_[to].first, first - 1};
        if (ranges_[to].last > last) left[parts++] = {last + 1, ranges_[to].last};
        ++to;
    }
    replace(from, to, left, parts);
    return {};
}

bool RangeSet::contains(u64 first, u64 last) const {
    if (first > last) return false;
    const u32 i = first_reaching(first);
    return i < count_ && ranges_[i].first <= first && ranges_[i].last >= last;
}

bool RangeSet::overlaps(u64 first, u64 last) const {
    const u32 i = first_reaching(first);
    return first <= last && i < count_ && ranges_[i].first <= last;
}

} // namespace px
