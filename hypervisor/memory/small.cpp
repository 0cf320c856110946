// SPDX-License-Identifier: Apache-2.0
// Small allocations: pages cut into objects of one size; what is larger gets whole pages.
#include "base/list.hpp"
#include "base/lock.hpp"
#include "base/panic.hpp"
#include "memory/heap.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace px::heap {

namespace {

constexpr u16 sizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024};
constexpr unsigned classes = sizeof(sizes) / sizeof(sizes[0]);
constexpr u16 none = 0xffff;

/// At the start of a page of objects. The objects lie at multiples of their size behind it, so that sizes that are
/// powers of two are aligned to themselves. A free object holds the index of the next free one.
struct SlabPage : ListLink<> {
    u16 size_class = 0;
    u16 first_free = none;
    u16 used = 0;
    u16 first_index = 0;
    u16 end_index = 0;
};
static_assert(sizeof(SlabPage) <= 32);

SpinLock<LockRank::Slab> lock;
struct Slabs {
    List<SlabPage> with_room[classes];
};
Slabs slabs PX_GUARDED_BY(lock);

u16* object(SlabPage& page, unsigned index) {
    return reinterpret_cast<u16*>(reinterpret_cast<char*>(&page) + std::size_t{index} * sizes[page.size_class]);
}

unsigned class_of(std::size_t bytes) {
    unsigned c = 0;
    while (sizes[c] < bytes) ++c;
    return c;
}

SlabPage* make_page(unsigned size_class) {
    void* memory = allocate_page();
    if (!memory) return nullptr;
    Frame& frame = frame_of_virtual(memory);
    frame.flags = static_cast<u8>(frame.flags | frame_flag::slab);
    auto* page = new (memory) SlabPage;
    const unsigned size = sizes[size_class];
    page->size_class = static_cast<u16>(size_class);
    page->first_index = static_cast<u16>((sizeof(SlabPage) + size - 1) / size);
    page->end_index = static_cast<u16>(page_size / size);
    for (unsigned i = page->end_index; i-- > page->first_index;) {
        *object(*page, i) = page->first_free;
        page->first_free = static_cast<u16>(i);
    }
    return page;
}

void* take_object(SlabPage& page) PX_REQUIRES(lock) {
    u16* taken = object(page, page.first_free);
    page.first_free = *taken;
    ++page.used;
    if (page.first_free == none) List<SlabPage>::remove(page);
    return taken;
}

} // namespace

void* allocate_bytes(std::size_t bytes) {
    if (bytes > sizes[classes - 1]) {
        const u64 pages = pages_for(bytes);
        if (pages > u64{1} << max_order) return nullptr;
        Frame* first = allocate({.order = static_cast<unsigned>(std::bit_width(pages - 1))});
        return first ? to_virtual(*first) : nullptr;
    }
    const unsigned size_class = class_of(bytes);
    SlabPage* fresh = nullptr;
    while (true) {
        {
            IrqGuard guard(lock);
            List<SlabPage>& list = slabs.with_room[size_class];
            if (fresh) list.push_front(*fresh);
            if (SlabPage* page = list.front()) {
                void* memory = take_object(*page);
                std::memset(memory, 0, sizes[size_class]);
                return memory;
            }
        }
        fresh = make_page(size_class); // without the lock: the heap's comes first
        if (!fresh) return nullptr;
    }
}

void free_bytes(void* memory) {
    if (!memory) return;
    Frame& frame = frame_of_virtual(memory);
    if ((frame.flags & frame_flag::slab) == 0) {
        free(frame, frame.order, false);
        return;
    }
    auto* page = reinterpret_cast<SlabPage*>(reinterpret_cast<u64>(memory) & page_mask);
    bool is_empty = false;
    {
        IrqGuard guard(lock);
        const auto offset = static_cast<unsigned>(static_cast<char*>(memory) - reinterpret_cast<char*>(page));
        const unsigned index = offset / sizes[page->size_class];
        PX_ASSERT(index >= page->first_index && offset % sizes[page->size_class] == 0 && page->used > 0);
        const bool was_full = page->first_free == none;
        *static_cast<u16*>(memory) = page->first_free;
        page->first_free = static_cast<u16>(index);
        --page->used;
        is_empty = page->used == 0;
        if (is_empty && !was_full) List<SlabPage>::remove(*page);
        if (!is_empty && was_full) slabs.with_room[page->size_class].push_front(*page);
    }
    if (is_empty) free_page(page);
}

} // namespace px::heap
