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

    void map(GuestVaddr address, u64 pfn, FrameRange& tables) {
        PageTable* table = memory_.page<PageTable>(layout_.tables.first);
        for (unsigned level = x86::top_level; level > 1; --level) {
            PageSlot& slot = (*table)[table_index(address, level)];
            PageEntry e = slot.load();
            if (e.is_empty()) slot.store(e = {memory_.mfn(take(tables)), bits});
            table = to_virtual<PageTable>(e.frame());
        }
        const PageBits of_page = layout_.is_table(pfn) ? bits.without(page::writable) : bits;
        (*table)[table_index(address, 1)].store({memory_.mfn(pfn), of_page});
    }

  private:
    static constexpr auto bits = page::present | page::writable | page::user | page::accessed | page::dirty;

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
