// SPDX-License-Identifier: Apache-2.0
// Dom0's first page tables.
#include "x86/pv/dom0/tables.hpp"

#include "x86/pv/paging/page_entry.hpp"

namespace px::pv::dom0 {

namespace {

/// Adds mappings; new tables come from a range of frames.
class Mapper {
  public:
    Mapper(const GuestMemory& memory, const Layout& layout) : memory_(memory), layout_(layout) {}

    void map(u64 address, u64 pfn, FrameRange& tables) {
        u64* table = memory_.page<u64>(layout_.tables.first);
        for (unsigned level = 4; level > 1; --level) {
            u64& entry = table[table_index(address, level)];
            if (entry == 0) entry = Entry::of(memory_.mfn(take(tables)), table_flags).raw;
            table = to_virtual<u64>(Entry{entry}.frame());
        }
        const u64 flags = layout_.is_table(pfn) ? page_flags & ~Entry::writable : page_flags;
        table[table_index(address, 1)] = Entry::of(memory_.mfn(pfn), flags).raw;
    }

  private:
    static constexpr u64 table_flags = Entry::present | Entry::writable | Entry::user | Entry::accessed | Entry::dirty;
    static constexpr u64 page_flags = table_flags;

    static u64 take(FrameRange& range) {
        PX_ASSERT(range.count != 0);
        --range.count;
        return range.first++;
    }

    const GuestMemory& memory_;
    const Layout& layout_;
};

} // namespace

Mfn build_tables(const GuestMemory& memory, const Layout& layout) {
    Mapper mapper(memory, layout);
    FrameRange tables{layout.tables.first + 1, layout.tables.count - 1};
    for (u64 pfn = 0; pfn < layout.mapped; ++pfn) mapper.map(layout.address(pfn), pfn, tables);
    FrameRange p2m_tables = layout.p2m_tables;
    for (u64 i = 0; layout.p2m_tables.count != 0 && i < layout.p2m.count; ++i)
        mapper.map(layout.p2m_address + i * page_size, layout.p2m.first + i, p2m_tables);
    return memory.mfn(layout.tables.first);
}

} // namespace px::pv::dom0
