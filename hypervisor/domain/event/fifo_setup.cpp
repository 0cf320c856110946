// SPDX-License-Identifier: Apache-2.0
// FIFO events: EVTCHNOP_init_control, expand_array, set_priority and their teardown.
#include "domain/event/fifo.hpp"
#include "memory/heap.hpp"

namespace px::event {
namespace {

/// A frame of the current domain that the hypervisor writes: takes a Writable reference. Errors: Invalid.
Result<Mfn> hold_frame(Domain& domain, u64 gfn) {
    const Mfn mfn = TRY(domain.translate(Gfn(gfn)));
    if (!is_valid(mfn) || !acquire_writable(frame_of(mfn), domain.id)) return fail(Error::Invalid);
    return mfn;
}

/// Everything that was pending the 2-level way is pending still once its word exists.
void carry_over(EventChannels& table) {
    for (u32 p = 1; p < table.made_ports() && p < abi::evtchn_2l_nr_channels; ++p) {
        Channel* c = table.channel(Port(p));
        if (c && c->state() != abi::EvtchnState::Closed && is_pending(table.domain, Port(p)))
            c->was_pending.store(true, std::memory_order_release);
    }
}

Result<> allocate_vcpu_table(EventChannels& table) PX_REQUIRES(table.lock) {
    if (table.fifo_vcpus) return {};
    table.fifo_vcpus = static_cast<std::atomic<FifoVcpu*>*>(
        heap::allocate_bytes(table.domain.max_vcpus * sizeof(std::atomic<FifoVcpu*>)));
    if (!table.fifo_vcpus) return fail(Error::NoMemory);
    return {};
}

} // namespace

Result<> init_control(abi::EvtchnInitControl& op) {
    Domain& domain = current_domain();
    EventChannels& table = *domain.events;
    op.link_bits = abi::fifo_link_bits;
    if (!domain.vcpu(VcpuId(op.vcpu))) return fail(Error::NoEntry);
    if (op.offset > page_size - sizeof(abi::EvtchnFifoControlBlock) || op.offset % 8 != 0) return fail(Error::Invalid);
    Guard guard(table.lock);
    if (domain.is_dying()) return fail(Error::NoEntry);
    TRY(allocate_vcpu_table(table));
    std::atomic<FifoVcpu*>& place = table.fifo_vcpus[bounded(op.vcpu, domain.max_vcpus)];
    if (place.load(std::memory_order_relaxed)) return fail(Error::Invalid);
    FifoVcpu* vcpu = make<FifoVcpu>();
    if (!vcpu) return fail(Error::NoMemory);
    Result<Mfn> frame = hold_frame(domain, op.control_gfn);
    if (!frame) {
        px::destroy(vcpu);
        return fail(frame.error());
    }
    vcpu->frame = *frame;
    vcpu->control = reinterpret_cast<abi::EvtchnFifoControlBlock*>(to_virtual<char>(*frame) + op.offset);
    place.store(vcpu, std::memory_order_release);
    if (!table.is_fifo.load(std::memory_order_relaxed)) {
        carry_over(table);
        table.is_fifo.store(true, std::memory_order_release);
    }
    return {};
}

Result<> expand_array(abi::EvtchnExpandArray& op) {
    Domain& domain = current_domain();
    EventChannels& table = *domain.events;
    Guard guard(table.lock);
    if (!table.is_fifo.load(std::memory_order_relaxed)) return fail(Error::NotSupported);
    const u32 index = table.fifo_array_pages.load(std::memory_order_relaxed);
    if (index >= EventChannels::max_array_pages) return fail(Error::NoSpace);
    const Mfn mfn = TRY(hold_frame(domain, op.array_gfn));
    table.fifo_array[index].store(to_virtual<u32>(mfn), std::memory_order_release);
    table.fifo_array_pages.store(index + 1, std::memory_order_release);
    constexpr u32 per_page = page_size / sizeof(u32);
    for (u32 p = index * per_page; p < (index + 1) * per_page && p < table.made_ports(); ++p) {
        Channel* c = table.channel(Port(p));
        if (!c) continue;
        IrqGuard channel_guard(c->lock);
        if (c->was_pending.exchange(false)) fifo::set_pending(table, Port(p), *c);
    }
    return {};
}

Result<> set_priority(abi::EvtchnSetPriority& op) {
    Domain& domain = current_domain();
    EventChannels& table = *domain.events;
    if (op.priority > abi::fifo_priority_min) return fail(Error::Invalid);
    Guard guard(table.lock);
    Channel* channel = table.channel(Port(op.port));
    if (!channel) return fail(Error::Invalid);
    if (!table.is_fifo.load(std::memory_order_acquire)) return fail(Error::NoSys);
    if (channel->state() == abi::EvtchnState::Closed) return fail(Error::Access);
    // It takes effect when the event is next put on a queue.
    channel->priority.store(static_cast<u8>(op.priority), std::memory_order_relaxed);
    return {};
}

namespace fifo {

Result<> tear_down(EventChannels& table) {
    Guard guard(table.lock);
    // Senders use the queues under the lock of an open channel: with all channels closed nobody does.
    if (table.open_channels() != 0) return fail(Error::Restart);
    table.is_fifo.store(false, std::memory_order_release);
    const u32 pages = table.fifo_array_pages.exchange(0);
    for (u32 i = 0; i < pages; ++i)
        if (u32* words = table.fifo_array[i].exchange(nullptr)) release_writable(frame_of_virtual(words));
    if (!table.fifo_vcpus) return {};
    for (u32 v = 0; v < table.domain.max_vcpus; ++v) {
        FifoVcpu* vcpu = table.fifo_vcpus[v].exchange(nullptr);
        if (!vcpu) continue;
        release_writable(frame_of(vcpu->frame));
        px::destroy(vcpu);
    }
    return {};
}

void free_memory(EventChannels& table) {
    if (table.fifo_vcpus) heap::free_bytes(table.fifo_vcpus);
    table.fifo_vcpus = nullptr;
}

} // namespace fifo
} // namespace px::event
