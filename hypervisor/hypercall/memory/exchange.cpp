// SPDX-License-Identifier: Apache-2.0
// exchange: a domain's frames against others of another size, contiguous or below an address. For DMA of the hardware
// domain.
#include "hypercall/memory/memory_op.hpp"
#include "memory/heap.hpp"

#include <algorithm>

namespace px::hypercall::memory {

namespace {

using Extents = GuestPointer<abi::xen_pfn_t>;

/// Frames of one round: 2^order, where order is the bigger of the two extents'. Bounds the time between two looks at
/// soft interrupts, and the list of outputs.
constexpr unsigned largest_chunk_order = 10;

/// One round: all of its frames are exchanged, or none. What is not committed is undone at the end.
class Chunk {
  public:
    Chunk(Domain& domain, const abi::MemoryExchange& exchange, u64 index)
        : domain_(domain), op_(exchange), order_(std::max(op_.in.extent_order, op_.out.extent_order)),
          in_first_(index << (order_ - op_.in.extent_order)), out_first_(index << (order_ - op_.out.extent_order)) {}
    Chunk(const Chunk&) = delete;
    Chunk& operator=(const Chunk&) = delete;
    ~Chunk() {
        for (u64 i = 0; i < stolen_; ++i) domain_.return_frame(*inputs_[i]);
        for (u64 i = 0; i < allocated_; ++i) heap::free_unused(*outputs_[i], op_.out.extent_order);
        for (void* list : {static_cast<void*>(inputs_), static_cast<void*>(outputs_), static_cast<void*>(names_)})
            heap::free_bytes(list);
    }

    Result<> run() {
        inputs_ = static_cast<Frame**>(heap::allocate_bytes(sizeof(Frame*) << order_));
        outputs_ = static_cast<Frame**>(heap::allocate_bytes(out_count() * sizeof(Frame*)));
        names_ = static_cast<u64*>(heap::allocate_bytes(out_count() * sizeof(u64)));
        if (!inputs_ || !outputs_ || !names_) return fail(Error::NoMemory);
        TRY(Extents(op_.out.extent_start).read_array(names_, out_count(), out_first_));
        TRY(steal_inputs());
        TRY(allocate_outputs());
        Result<> done = tell_outputs();
        if (done) done = domain_.replace_frames(outputs_, out_count(), op_.out.extent_order);
        if (!done) {
            (void)Extents(op_.out.extent_start).write_array(names_, out_count(), out_first_);
            return done;
        }
        return commit();
    }

  private:
    [[nodiscard]] u64 out_count() const { return u64{1} << (order_ - op_.out.extent_order); }

    /// Takes the input frames away, each of which nothing else may hold. Errors: Fault, Invalid.
    Result<> steal_inputs() {
        const Extents list(op_.in.extent_start);
        const u64 per_extent = u64{1} << op_.in.extent_order;
        for (u64 i = 0; i < u64{1} << order_; ++i) {
            const u64 gfn = TRY(list.read(in_first_ + i / per_extent)) + i % per_extent;
            const Mfn mfn = TRY(domain_.translate(Gfn(gfn)));
            if (!is_valid(mfn) || !steal_frame(frame_of(mfn), domain_.id)) return fail(Error::Invalid);
            inputs_[stolen_++] = &frame_of(mfn);
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

    /// The caller learns which frames it gets, while it can still be told that there are none. Errors: Fault.
    Result<> tell_outputs() {
        const Extents list(op_.out.extent_start);
        for (u64 i = 0; i < out_count(); ++i) TRY(list.write(mfn_of(*outputs_[i]).raw(), out_first_ + i));
        return {};
    }

    /// The outputs are the domain's now: the inputs go to the heap. Errors: of the domain's physical map.
    Result<> commit() {
        allocated_ = 0;
        for (; stolen_ > 0; --stolen_) {
            Frame& frame = *inputs_[stolen_ - 1];
            (void)domain_.unmap_frame(Gfn(mfn_of(frame).raw()), mfn_of(frame), 0);
            heap::free(frame, 0, true);
        }
        for (u64 i = 0; i < out_count(); ++i)
            TRY(domain_.map_frame(Gfn(names_[i]), mfn_of(*outputs_[i]), op_.out.extent_order));
        return {};
    }

    Domain& domain_;
    const abi::MemoryExchange& op_;
    const unsigned order_;
    const u64 in_first_, out_first_;
    Frame** inputs_ = nullptr;
    Frame** outputs_ = nullptr;
    u64* names_ = nullptr; ///< what the caller calls the outputs: guest frame numbers
    u64 stolen_ = 0, allocated_ = 0;
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
