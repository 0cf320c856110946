// SPDX-License-Identifier: Apache-2.0
// Page-table walks and mappings of the hypervisor's own address space.
#include "x86/machine/paging/paging.hpp"

#include "memory/heap.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/machine/boot/image.hpp"
#include "x86/machine/cpu/cpu_features.hpp"
#include "x86/machine/paging/paging_boot.hpp"

#include <algorithm>
#include <atomic>

namespace px::x86 {

extern "C" PageTable px_hypervisor_l4, px_boot_l3_low, px_boot_l2_image;

namespace {

constexpr u64 page_2m = bytes_of_entry(2), page_1g = bytes_of_entry(3);
/// Next free address of the vmap area. No lock: callers hold locks of any rank, and tables come from the heap.
constinit std::atomic<u64> vmap_next{layout::vmap_start};

PageBits clean(PageBits bits) { return cpu_features.nx ? bits : bits.without(page::no_execute); }

/// Slot 256 is what guests may read: its tables let them through, its last level decides.
PageEntry link_to(Paddr table, u64 address) {
    const bool is_guest_readable = address < layout::m2p_guest_end;
    return {table, mapping::table | (is_guest_readable ? page::user : PageBits{})};
}

/// Table behind an entry. Tables of the image are seen through the direct map like all others.
PageTable& table_of(PageEntry e) { return *to_virtual<PageTable>(e.address()); }

void give_back(Paddr table) {
    if (!boot_memory::is_open()) heap::free_page(to_virtual<void>(table));
}

/// Table of `level` for an address; makes what is missing. Null without memory or below a large page.
PageTable* table_for(PageTable& l4, u64 address, unsigned level) {
    PageTable* table = &l4;
    for (unsigned at = top_level; at > level; --at) {
        PageSlot& slot = (*table)[table_index(address, at)];
        PageEntry e = slot.load();
        if (!e.is_present()) {
            const Paddr fresh = allocate_table();
            if (!fresh.is_valid()) return nullptr;
            e = {};
            const PageEntry link = link_to(fresh, address);
            if (slot.compare_exchange(e, link)) e = link;
            else give_back(fresh); // another CPU was faster
        } else if (e.has(page::large)) {
            return nullptr;
        }
        table = &table_of(e);
    }
    return table;
}

/// Replaces a large page by a table of pages a level below, with the same rights. Returns the entry for the table;
/// empty without memory.
PageEntry split(PageSlot& slot, unsigned level) {
    const Paddr fresh = allocate_table();
    if (!fresh.is_valid()) return {};
    PageTable& table = *to_virtual<PageTable>(fresh);
    const PageEntry whole = slot.load(), first = level == 2 ? whole.without(page::large) : whole;
    for (u64 i = 0; i < entries_per_table; ++i) table[i].store(PageEntry(first.raw() + i * bytes_of_entry(level - 1)));
    const PageEntry link(fresh, mapping::table | (whole.bits() & page::user));
    slot.store(link);
    return link;
}

void* map_somewhere(Paddr start, u64 bytes, PageBits bits) {
    const u64 offset = start.raw() & ~page_mask;
    const u64 size = (bytes + offset + page_size - 1) & page_mask;
    if (bytes == 0 || size > layout::vmap_end - layout::vmap_start) return nullptr;
    u64 at = vmap_next.load(std::memory_order_relaxed);
    do {
        if (size + page_size > layout::vmap_end - at) return nullptr;
        // With a hole between any two. Relaxed: the number itself is all that is shared.
    } while (!vmap_next.compare_exchange_weak(at, at + size + page_size, std::memory_order_relaxed));
    if (!map_range(at, Paddr(start.raw() - offset), size, bits, page_size)) return nullptr;
    return reinterpret_cast<void*>(at + offset);
}

} // namespace

Paddr hypervisor_page_table() { return image::physical(&px_hypervisor_l4); }
PageTable& hypervisor_l4() { return px_hypervisor_l4; }

void* map_device(Paddr start, u64 bytes) { return map_somewhere(start, bytes, mapping::device); }
void* map_memory(Paddr start, u64 bytes) { return map_somewhere(start, bytes, mapping::data); }

Paddr allocate_table() {
    if (boot_memory::is_open()) {
        const Paddr page = boot_memory::take(page_size, page_size);
        if (page.is_valid()) __builtin_memset(to_virtual<char>(page), 0, page_size);
        return page;
    }
    void* page = heap::allocate_page();
    return page ? to_physical(page) : Paddr::invalid();
}

bool map_range(u64 address, Paddr start, u64 bytes, PageBits bits, u64 largest) {
    return map_range_in(px_hypervisor_l4, address, start, bytes, bits, largest);
}

bool map_range_in(PageTable& l4, u64 address, Paddr start, u64 bytes, PageBits bits, u64 largest) {
    bits = clean(bits);
    if (!cpu_features.gib_pages) largest = std::min(largest, page_2m);
    for (u64 done = 0; done < bytes;) {
        const u64 va = address + done, pa = start.raw() + done, left = bytes - done;
        const auto fits = [&](u64 size) { return largest >= size && left >= size && (va | pa) % size == 0; };
        const unsigned level = fits(page_1g) ? 3 : fits(page_2m) ? 2 : 1;
        PageTable* const table = table_for(l4, va, level);
        if (!table) return false;
        (*table)[table_index(va, level)].store({Paddr(pa), level > 1 ? bits | page::large : bits});
        done += bytes_of_entry(level);
    }
    return true;
}

PageSlot* small_entry(u64 address) {
    PageTable* table = &px_hypervisor_l4;
    for (unsigned level = top_level; level > 1; --level) {
        PageSlot& slot = (*table)[table_index(address, level)];
        PageEntry e = slot.load();
        if (e.has(page::present | page::large)) e = split(slot, level);
        if (!e.is_present()) return nullptr;
        table = &table_of(e);
    }
    PageSlot& slot = (*table)[table_index(address, 1)];
    return slot.load().is_present() ? &slot : nullptr;
}

void change_bits(u64 address, u64 bytes, PageBits bits) {
    for (u64 va = address; va < address + bytes; va += page_size) {
        if (PageSlot* const slot = small_entry(va)) slot->store({slot->load().address(), clean(bits)});
        invlpg(va);
    }
}

bool share_table(u64 address, Paddr level1) {
    PageTable* const table = table_for(px_hypervisor_l4, address, 2);
    if (!table) return false;
    (*table)[table_index(address, 2)].store(link_to(level1, address));
    return true;
}

void unmap_around_image() {
    const u64 first = image::start().raw(), end = image::end().raw();
    for (u64 i = 0; i < entries_per_table; ++i) {
        PageSlot& slot = px_boot_l2_image[i];
        const PageEntry e = slot.load();
        if (e.has(page::large)) slot.store({}); // not touched by the rights of the image's pages
        if (!e.is_present() || e.has(page::large)) continue;
        for (u64 j = 0; j < entries_per_table; ++j) {
            const u64 at = i * page_2m + j * page_size;
            if (at < first || at >= end) table_of(e)[j].store({});
        }
    }
    write_cr3(read_cr3());
}

void set_identity_map(bool wanted) {
    px_hypervisor_l4[0].store(wanted ? PageEntry(image::physical(&px_boot_l3_low), mapping::table) : PageEntry{});
    write_cr3(read_cr3());
}

} // namespace px::x86
