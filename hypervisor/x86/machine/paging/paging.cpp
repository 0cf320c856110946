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

extern "C" u64 px_hypervisor_l4[512], px_boot_l3_low[512], px_boot_l2_image[512];

namespace {

constexpr u64 page_2m = u64{1} << 21, page_1g = u64{1} << 30;
/// Next free address of the vmap area. No lock: callers hold locks of any rank, and tables come from the heap.
constinit std::atomic<u64> vmap_next{layout::vmap_start};

u64 clean(u64 flags) { return cpu_features.nx ? flags : flags & ~entry::no_execute; }

unsigned index_at(u64 address, unsigned level) {
    return static_cast<unsigned>(address >> (12 + 9 * (level - 1)) & 511);
}

/// Table behind an entry. Tables of the image are seen through the direct map like all others.
bool is_guest_readable(u64 address) { return address < layout::m2p_guest_end; }

u64* table_of(u64 e) { return to_virtual<u64>(Paddr(e & entry::address_mask)); }

void give_back(Paddr table) {
    if (!boot_memory::is_open()) heap::free_page(to_virtual<void>(table));
}

/// Table of `level` for an address; makes what is missing. Null without memory or below a large page.
u64* table_for(u64* l4, u64 address, unsigned level) {
    u64* table = l4;
    for (unsigned at = 4; at > level; --at) {
        u64& e = table[index_at(address, at)];
        if (!(e & entry::present)) {
            const Paddr fresh = allocate_table();
            if (!fresh.is_valid()) return nullptr;
            // Slot 256 is what guests may read: its tables let them through, its last level decides.
            const u64 user = is_guest_readable(address) ? entry::user : 0;
            u64 nothing = 0;
            const u64 link = fresh.raw() | entry::table | user;
            if (!std::atomic_ref(e).compare_exchange_strong(nothing, link, std::memory_order_acq_rel))
                give_back(fresh); // another CPU was faster
        } else if (e & entry::large) {
            return nullptr;
        }
        table = table_of(e);
    }
    return table;
}

/// Replaces a large page by a table of pages a level below, with the same rights.
bool split(u64& e, unsigned level) {
    const Paddr fresh = allocate_table();
    if (!fresh.is_valid()) return false;
    u64* table = to_virtual<u64>(fresh);
    const u64 step = u64{1} << (12 + 9 * (level - 2));
    const u64 keep = level == 2 ? e & ~entry::large : e;
    for (u64 i = 0; i < 512; ++i) table[i] = keep + i * step;
    e = fresh.raw() | entry::table | (e & entry::user);
    return true;
}

void* map_somewhere(Paddr start, u64 bytes, u64 flags) {
    const u64 offset = start.raw() & ~page_mask;
    const u64 size = (bytes + offset + page_size - 1) & page_mask;
    if (bytes == 0 || size > layout::vmap_end - layout::vmap_start) return nullptr;
    u64 at = vmap_next.load(std::memory_order_relaxed);
    do {
        if (size + page_size > layout::vmap_end - at) return nullptr;
        // With a hole between any two. Relaxed: the number itself is all that is shared.
    } while (!vmap_next.compare_exchange_weak(at, at + size + page_size, std::memory_order_relaxed));
    if (!map_range(at, Paddr(start.raw() - offset), size, flags, page_size)) return nullptr;
    return reinterpret_cast<void*>(at + offset);
}

} // namespace

Paddr hypervisor_page_table() { return image::physical(px_hypervisor_l4); }
u64* hypervisor_l4() { return px_hypervisor_l4; }

void* map_device(Paddr start, u64 bytes) { return map_somewhere(start, bytes, entry::device); }
void* map_memory(Paddr start, u64 bytes) { return map_somewhere(start, bytes, entry::data); }

Paddr allocate_table() {
    if (boot_memory::is_open()) {
        const Paddr page = boot_memory::take(page_size, page_size);
        if (page.is_valid()) __builtin_memset(to_virtual<char>(page), 0, page_size);
        return page;
    }
    void* page = heap::allocate_page();
    return page ? to_physical(page) : Paddr::invalid();
}

bool map_range(u64 address, Paddr start, u64 bytes, u64 flags, u64 largest) {
    return map_range_in(px_hypervisor_l4, address, start, bytes, flags, largest);
}

bool map_range_in(u64* l4, u64 address, Paddr start, u64 bytes, u64 flags, u64 largest) {
    flags = clean(flags);
    if (!cpu_features.gib_pages) largest = std::min(largest, page_2m);
    for (u64 done = 0; done < bytes;) {
        const u64 va = address + done, pa = start.raw() + done, left = bytes - done;
        const auto fits = [&](u64 size) { return largest >= size && left >= size && (va | pa) % size == 0; };
        const unsigned level = fits(page_1g) ? 3 : fits(page_2m) ? 2 : 1;
        u64* table = table_for(l4, va, level);
        if (!table) return false;
        table[index_at(va, level)] = pa | flags | (level > 1 ? entry::large : 0);
        done += u64{1} << (12 + 9 * (level - 1));
    }
    return true;
}

u64* small_entry(u64 address) {
    u64* table = px_hypervisor_l4;
    for (unsigned level = 4; level > 1; --level) {
        u64& e = table[index_at(address, level)];
        if (!(e & entry::present)) return nullptr;
        if ((e & entry::large) && !split(e, level)) return nullptr;
        table = table_of(e);
    }
    u64& e = table[index_at(address, 1)];
    return e & entry::present ? &e : nullptr;
}

void change_flags(u64 address, u64 bytes, u64 flags) {
    for (u64 va = address; va < address + bytes; va += page_size) {
        if (u64* e = small_entry(va)) *e = (*e & entry::address_mask) | clean(flags);
        invlpg(va);
    }
}

bool share_table(u64 address, Paddr level1) {
    u64* table = table_for(px_hypervisor_l4, address, 2);
    if (!table) return false;
    table[index_at(address, 2)] = level1.raw() | entry::table | (is_guest_readable(address) ? entry::user : 0);
    return true;
}

void unmap_around_image() {
    const u64 first = image::start().raw(), end = image::end().raw();
    for (u64 i = 0; i < 512; ++i) {
        u64& e = px_boot_l2_image[i];
        if (e & entry::large) e = 0; // not touched by the rights of the image's pages
        if (!(e & entry::present)) continue;
        for (u64 j = 0; j < 512; ++j) {
            const u64 at = i * page_2m + j * page_size;
            if (at < first || at >= end) table_of(e)[j] = 0;
        }
    }
    write_cr3(read_cr3());
}

void set_identity_map(bool wanted) {
    px_hypervisor_l4[0] = wanted ? image::physical(px_boot_l3_low).raw() | entry::table : 0;
    write_cr3(read_cr3());
}

} // namespace px::x86
