// SPDX-License-Identifier: Apache-2.0
// Allocation and look-up of event channels.
#include "domain/event/table.hpp"

#include "memory/heap.hpp"

#include <algorithm>

namespace px {

Channel* EventChannels::channel(Port port) const {
    const u32 p = port.raw();
    if (p >= abi::fifo_nr_channels) return nullptr;
    // The index parts are masked, so a mispredicted check above reads nothing outside the tables.
    const Group* group = groups_[(p / (per_page * pages_per_group)) % group_count].load(std::memory_order_acquire);
    if (!group) return nullptr;
    Channel* page = group->pages[(p / per_page) % pages_per_group].load(std::memory_order_acquire);
    return page ? &page[p % per_page] : nullptr;
}

u32 EventChannels::port_limit() const {
    const u32 abi_limit = is_fifo.load(std::memory_order_relaxed) ? abi::fifo_nr_channels : abi::evtchn_2l_nr_channels;
    const u32 own = domain.config.max_evtchn_port;
    return own >= abi_limit - 1 ? abi_limit : own + 1;
}

Channel* EventChannels::make_page(u32 page) {
    std::atomic<Group*>& slot = groups_[page / pages_per_group];
    Group* group = slot.load(std::memory_order_relaxed);
    if (!group) {
        group = make<Group>();
        if (!group) return nullptr;
        slot.store(group, std::memory_order_release); // pairs with the acquire in channel()
    }
    std::atomic<Channel*>& place = group->pages[page % pages_per_group];
    Channel* channels = place.load(std::memory_order_relaxed);
    if (channels) return channels;
    void* memory = heap::allocate_page();
    if (!memory) return nullptr;
    channels = static_cast<Channel*>(memory);
    for (u32 i = 0; i < per_page; ++i) new (&channels[i]) Channel;
    if (page == 0) group->used[0] = 1; // port 0 is never given away
    place.store(channels, std::memory_order_release);
    made_ports_.store((page + 1) * per_page, std::memory_order_release);
    return channels;
}

Result<> EventChannels::make_first() { return make_page(0) ? Result<>{} : fail(Error::NoMemory); }

Result<Port> EventChannels::allocate() {
    const u32 limit = port_limit();
    for (u32 page = first_page_with_room_; page * per_page < limit; ++page) {
        Channel* channels = make_page(page);
        if (!channels) return fail(Error::NoMemory);
        Group& group = *groups_[page / pages_per_group].load(std::memory_order_relaxed);
        u8& used = group.used[page % pages_per_group];
        if (used == per_page) {
            first_page_with_room_ = page + 1;
            continue;
        }
        for (u32 i = page == 0 ? 1 : 0; i < per_page; ++i) {
            if (channels[i].state() != abi::EvtchnState::Closed) continue;
            const u32 port = page * per_page + i;
            if (port >= limit) return fail(Error::NoSpace);
            // Events of a former binding must not be seen by the next one.
            channels[i].vcpu.store(0, std::memory_order_relaxed);
            channels[i].priority.store(abi::fifo_priority_default, std::memory_order_relaxed);
            ++used;
            ++open_;
            return Port(port);
        }
        return fail(Error::NoSpace);
    }
    return fail(Error::NoSpace);
}

void EventChannels::freed(Port port) {
    const u32 page = port.raw() / per_page;
    --groups_[page / pages_per_group].load(std::memory_order_relaxed)->used[page % pages_per_group];
    --open_;
    first_page_with_room_ = std::min(first_page_with_room_, page);
}

Port EventChannels::pirq_port(Pirq pirq) const {
    if (pirq.raw() >= pirqs_per_page * pirq_pages) return Port(0);
    const u32* page = pirq_ports_[(pirq.raw() / pirqs_per_page) % pirq_pages].load(std::memory_order_acquire);
    return page ? Port(__atomic_load_n(&page[pirq.raw() % pirqs_per_page], __ATOMIC_RELAXED)) : Port(0);
}

Result<> EventChannels::set_pirq_port(Pirq pirq, Port port) {
    if (pirq.raw() >= pirqs_per_page * pirq_pages) return fail(Error::Invalid);
    std::atomic<u32*>& slot = pirq_ports_[(pirq.raw() / pirqs_per_page) % pirq_pages];
    u32* page = slot.load(std::memory_order_relaxed);
    if (!page) {
        page = static_cast<u32*>(heap::allocate_page());
        if (!page) return fail(Error::NoMemory);
        slot.store(page, std::memory_order_release);
    }
    __atomic_store_n(&page[pirq.raw() % pirqs_per_page], port.raw(), __ATOMIC_RELAXED);
    return {};
}

void EventChannels::free_memory() {
    for (auto& slot : groups_) {
        Group* group = slot.exchange(nullptr);
        if (!group) continue;
        for (auto& page : group->pages)
            if (Channel* channels = page.load()) heap::free_page(channels);
        destroy(group);
    }
    for (auto& slot : pirq_ports_)
        if (u32* page = slot.exchange(nullptr)) heap::free_page(page);
}

} // namespace px
