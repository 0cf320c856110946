// SPDX-License-Identifier: Apache-2.0
// Page tables of four levels, and their entries (SDM volume 3, 4.5; APM volume 2, 5.3).
#pragma once

#include "base/register.hpp"

#include <atomic>

namespace px::x86 {

/// Bits of an entry, without the address.
using PageBits = Register<struct PageBitsTag, u64>;
namespace page {
inline constexpr auto present = PageBits::bit(0), writable = PageBits::bit(1), user = PageBits::bit(2),
                      write_through = PageBits::bit(3), cache_disable = PageBits::bit(4), accessed = PageBits::bit(5),
                      dirty = PageBits::bit(6), global = PageBits::bit(8), no_execute = PageBits::bit(63);
inline constexpr auto large = PageBits::bit(7); ///< levels 2 and 3; in level 1 it is a bit of the memory type
/// Choose the memory type in level 1, by the page attribute table.
inline constexpr auto memory_type = write_through | cache_disable | large;
/// The CPU leaves them alone.
using Available = Field<PageBits, 9, 3, u32>;
} // namespace page

/// A value of an entry, of any level.
class PageEntry {
  public:
    static constexpr u64 address_mask = 0x000ffffffffff000;

    /// Nothing.
    constexpr PageEntry() = default;
    constexpr explicit PageEntry(u64 raw) : raw_(raw) {}
    constexpr PageEntry(Mfn frame, PageBits bits) : PageEntry(paddr_of(frame), bits) {}
    /// @param address  aligned as the page is
    constexpr PageEntry(Paddr address, PageBits bits) : raw_(address.raw() | bits.raw()) {}

    [[nodiscard]] constexpr u64 raw() const { return raw_; }
    /// All bits are clear, those of the address too: more than "not present".
    [[nodiscard]] constexpr bool is_empty() const { return raw_ == 0; }
    [[nodiscard]] constexpr PageBits bits() const { return PageBits(raw_ & ~address_mask); }
    [[nodiscard]] constexpr bool has(PageBits all) const { return PageBits(raw_).has(all); }
    [[nodiscard]] constexpr bool has_any(PageBits some) const { return PageBits(raw_).has_any(some); }
    [[nodiscard]] constexpr bool is_present() const { return has(page::present); }
    [[nodiscard]] constexpr bool is_writable() const { return has(page::writable); }
    /// Of a large page the lowest bit is one of the memory type, not of the address.
    [[nodiscard]] constexpr Paddr address() const { return Paddr(raw_ & address_mask); }
    [[nodiscard]] constexpr Mfn frame() const { return mfn_of(address()); }

    [[nodiscard]] constexpr PageEntry with(PageBits bits) const { return PageEntry(raw_ | bits.raw()); }
    [[nodiscard]] constexpr PageEntry without(PageBits bits) const { return PageEntry(raw_ & ~bits.raw()); }
    /// The same bits, another frame.
    [[nodiscard]] constexpr PageEntry leading_to(Mfn frame) const { return PageEntry(frame, bits()); }

    friend constexpr bool operator==(PageEntry, PageEntry) = default;

  private:
    u64 raw_ = 0;
};

/// Where an entry is kept. CPUs' page walkers read it at any time, and set its accessed and dirty bits: each access is
/// of the whole entry.
class PageSlot {
  public:
    /// Relaxed: what an entry leads to is kept in order by who changes it, with a lock.
    [[nodiscard]] PageEntry load() const { return PageEntry(word_.load(std::memory_order_relaxed)); }
    /// What was written before, to the table it leads to for one, is seen by whoever sees the entry.
    void store(PageEntry next) { word_.store(next.raw(), std::memory_order_release); }
    /// Returns what it replaced, with the bits that were set until then.
    PageEntry exchange(PageEntry next) { return PageEntry(word_.exchange(next.raw())); }
    /// Replaces `expected`. False: it is another entry, which `expected` then is.
    [[nodiscard]] bool compare_exchange(PageEntry& expected, PageEntry next) {
        u64 word = expected.raw();
        if (word_.compare_exchange_strong(word, next.raw(), std::memory_order_seq_cst, std::memory_order_relaxed))
            return true;
        expected = PageEntry(word);
        return false;
    }

  private:
    std::atomic<u64> word_{0};
};

inline constexpr unsigned entries_per_table = 512;
inline constexpr unsigned top_level = 4;

/// A table of any level.
class PageTable {
  public:
    [[nodiscard]] PageSlot& operator[](u64 index) { return slots_[index]; }
    [[nodiscard]] const PageSlot& operator[](u64 index) const { return slots_[index]; }

  private:
    PageSlot slots_[entries_per_table];
};
static_assert(sizeof(PageSlot) == sizeof(u64) && sizeof(PageTable) == page_size);

/// Bytes that an entry of a level (1 to 4) is for.
constexpr u64 bytes_of_entry(unsigned level) { return page_size << 9 * (level - 1); }
/// Index into the table of a level for an address.
constexpr unsigned table_index(u64 address, unsigned level) {
    return static_cast<unsigned>(address >> (12 + 9 * (level - 1)) & (entries_per_table - 1));
}
constexpr unsigned table_index(GuestVaddr address, unsigned level) { return table_index(address.raw(), level); }

} // namespace px::x86
