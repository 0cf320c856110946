// SPDX-License-Identifier: Apache-2.0
// exchange: a domain's frames against others of another size, contiguous or below an address. For DMA of the hardware domain.
#include "hypercall/memory/memory_op.hpp"
#include "memory/heap.hpp"

#include <algorithm>

namespace px::hypercall::memory {

namespace {

using Extents = GuestPointer<abi::xen_pfn_t>;

/// Frames of one round: 2^order, where order is the bigger of the two extents'. Bounds the time between two looks at
/// soft interrupts, and the list of outputs.
constexpr unsigned largest_chunk_order = 10;

/// One round's frames: outputs allocated, inputs held by a reference each. What is not committed is undone at the end.
class Chunk {
  public:
    Chunk(Domain& domain, const abi::MemoryExchange& exchange, u64 index)
        : domain_(domain), op_(exchange), order_(std::max(op_.in.extent_order, op_.out.extent_order)),
          in_first_(index << (order_ - op_.in.extent_order)), out_first_(index << (order_ - op_.out.extent_order)) {}
    Chunk(const Chunk&) = delete;
    Chunk& operator=(const Chunk&) = delete;
    ~Chunk() {
        for (u64 i = 0; i < held_; ++i) release_frame(frame_of(input(i)));
        for (u64 i = committed_; i < allocated_; ++i) heap::free(*outputs_[i], op_.out.extent_order, false);
        if (inputs_) heap::free_bytes(inputs_);
        if (outputs_) heap::free_bytes(outputs_);
    }

    Result<> run() {
        inputs_ = static_cast<u64*>(heap::allocate_bytes((u64{8} << order_)));
        outputs_ = static_cast<Frame**>(heap::allocate_bytes(out_count() * sizeof(Frame*)));
        if (!inputs_ || !outputs_) return fail(Error::NoMemory);
        TRY(hold_inputs());
        TRY(allocate_outputs());
        return commit();
    }

  private:
    [[nodiscard]] u64 out_count() const { return u64{1} << (order_ - op_.out.extent_order); }
    [[nodiscard]] Mfn input(u64 i) const { return Mfn(inputs_[i]); }

    /// References on all input frames, each used by nobody else. Errors: Fault, Invalid.
    Result<> hold_inputs() {
        const Extents list(op_.in.extent_start);
        const u64 per_extent = u64{1} << op_.in.extent_order;
        for (u64 i = 0; i < u64{1} << order_; ++i) {
            const u64 gfn = TRY(list.read(in_first_ + i / per_extent)) + i % per_extent;
            const Mfn mfn = TRY(domain_.translate(Gfn(gfn)));
            if (!is_valid(mfn) || !acquire_frame(frame_of(mfn), domain_)) return fail(Error::Invalid);
            inputs_[held_++] = mfn.raw();
            const FrameState state = frame_of(mfn).load();
            if (state.count() != 1 || state.type_count() != 0 || !state.has(FrameState::allocated) ||
                state.has(FrameState::hypervisor))
                return fail(Error::Invalid);
        }
        return {};
    }

    Result<> allocate_outputs() {
        const u32 bits = op_.out.mem_flags & abi::memf_address_bits_mask;
        for (; allocated_ < out_count(); ++allocated_) {
            Frame* frame = heap::allocate({.order = op_.out.extent_order, .address_bits = bits ? bits : 64});
            if (!frame) return fail(Error::NoMemory);
            outputs_[allocated_] = frame;
        }
        return {};
    }

    /// The inputs go, the outputs come. A frame the guest mapped meanwhile on another vCPU lives until it unmaps it.
    Result<> commit() {
        for (; held_ > 0; --held_) {
            Frame& frame = frame_of(input(held_ - 1));
            (void)domain_.unmap_frame(Gfn(input(held_ - 1).raw()), input(held_ - 1), 0);
            (void)give_up_frame(frame);
            release_frame(frame);
        }
        const Extents list(op_.out.extent_start);
        for (u64 i = 0; i < out_count(); ++i) {
            const u64 gfn = TRY(list.read(out_first_ + i));
            TRY(domain_.assign_frames(*outputs_[i], op_.out.extent_order));
            ++committed_;
            const Mfn mfn = mfn_of(*outputs_[i]);
            TRY(domain_.map_frame(Gfn(gfn), mfn, op_.out.extent_order));
            TRY(list.write(mfn.raw(), out_first_ + i));
        }
        return {};
    }

    Domain& domain_;
    const abi::MemoryExchange& op_;
    const unsigned order_;
    const u64 in_first_, out_first_;
    u64* inputs_ = nullptr;
    Frame** outputs_ = nullptr;
    u64 held_ = 0, allocated_ = 0, committed_ = 0;
};

Result<> check(const abi::MemoryExchange& op) {
    if (op.nr_exchanged > op.in.nr_extents || op.in.domid != op.out.domid) return fail(Error::Invalid);
    if (op.in.extent_order > largest_order() || op.out.extent_order > largest_order() ||
        op.in.extent_order > largest_chunk_order || op.out.extent_order > largest_chunk_order)
        return fail(Error::Perm);
    if (op.in.nr_extents > ~u64{0} >> op.in.extent_order || op.out.nr_extents > ~u64{0} >> op.out.extent_order)
        return fail(Error::Invalid);
    if (op.in.nr_extents << op.in.extent_order != op.out.nr_extents << op.out.extent_order) return fail(Error::Invalid);
    // Whole rounds only, from a round's boundary.
    const unsigned order = std::max(op.in.extent_order, op.out.extent_order);
    const u64 in_per_chunk = u64{1} << (order - op.in.extent_order);
    if (op.in.nr_extents % in_per_chunk != 0 || op.nr_exchanged % in_per_chunk != 0) return fail(Error::Invalid);
    return {};
}

Outcome write_progress(const Operation& op, u64 exchanged, const Outcome& outcome) {
    const GuestPointer<u64> field(op.address + offsetof(abi::MemoryExchange, nr_exchanged));
    if (!field.write(exchanged)) return Outcome::error(Error::Fault);
    return outcome;
}

} // namespace

Outcome exchange(const Operation& op) {
    const Result<abi::MemoryExchange> e = GuestPointer<abi::MemoryExchange>(op.address).read();
    if (!e) return Outcome::error(e.error());
    if (Result<> good = check(*e); !good) return Outcome::error(good.error());
    const Result<DomainRef> domain = find_domain_or_self(e->in.domid);
    if (!domain) return Outcome::error(domain.error());
    if (domain->get() != &current_domain() && !current_domain().is_privileged) return Outcome::error(Error::Perm);

    const unsigned order = std::max(e->in.extent_order, e->out.extent_order);
    const unsigned in_shift = order - e->in.extent_order;
    const u64 first = e->nr_exchanged >> in_shift, count = e->in.nr_extents >> in_shift;
    for (u64 i = first; i < count; ++i) {
        if (i != first && should_preempt()) return write_progress(op, i << in_shift, op.restart_at(0));
        if (Result<> done = Chunk(**domain, *e, i).run(); !done)
            return write_progress(op, i << in_shift, Outcome::error(done.error()));
    }
    return write_progress(op, e->in.nr_extents, Outcome::of(0));
}

} // namespace px::hypercall::memory
