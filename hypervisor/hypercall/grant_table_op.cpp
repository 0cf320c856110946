// SPDX-License-Identifier: Apache-2.0
// grant_table_op (20): arrays of elements, preemptible between them.
#include "domain/domain_list.hpp"
#include "domain/grant/copy.hpp"
#include "domain/guest_pointer.hpp"
#include "hypercall/handlers.hpp"

#include <algorithm>

namespace px::hypercall {
namespace {

using abi::GrantTableOp;

/// How far a call has come: elements done, or why it stopped.
struct Progress {
    u64 done = 0;
    Result<> result{};
};

/// For each element: read, work, write back. Stops early when preempted.
template <class Op, class Work> Progress each(u64 address, u64 count, Work work) {
    GuestPointer<Op> elements(address);
    Progress progress;
    while (progress.done < count) {
        if (progress.done != 0 && should_preempt()) return progress;
        Result<Op> op = elements.read(progress.done);
        if (!op) return {progress.done, fail(op.error())};
        work(*op);
        if (auto written = elements.write(*op, progress.done); !written) return {progress.done, written};
        ++progress.done;
    }
    return progress;
}

Progress copy(u64 address, u64 count) {
    grant::Copies copies;
    return each<abi::GnttabCopy>(address, count, [&](abi::GnttabCopy& op) { copies.copy(op); });
}

/// Unmaps in batches with one TLB flush each, before any frame can be reused.
Progress unmap(u64 address, u64 count) {
    constexpr u64 batch_size = 32;
    GuestPointer<abi::GnttabUnmapGrantRef> elements(address);
    Progress progress;
    while (progress.done < count && progress.result && (progress.done == 0 || !should_preempt())) {
        grant::Unmapped batch[batch_size];
        const u64 batch_end = std::min(count, progress.done + batch_size);
        u64 used = 0;
        bool any = false;
        for (u64 i = progress.done; i < batch_end; ++i) {
            auto op = elements.read(i);
            if (!op) {
                progress.result = fail(op.error());
                break;
            }
            grant::unmap(*op, batch[used]);
            any |= batch[used].done;
            ++used;
            if (auto written = elements.write(*op, i); !written) {
                progress.result = written;
                break;
            }
        }
        if (any) current_domain().flush_tlb();
        for (u64 i = 0; i < used; ++i) grant::unmap_complete(batch[i]);
        progress.done += used;
    }
    return progress;
}

/// Operations on one structure.
template <class Op> Result<> single(u64 address, Result<> (*work)(Op&)) {
    GuestPointer<Op> pointer(address);
    Op op = TRY(pointer.read());
    TRY(work(op));
    return pointer.write(op);
}

/// set_version tells the version that holds also where it refuses the other.
Result<> set_version(u64 address) {
    GuestPointer<abi::GnttabSetVersion> pointer(address);
    auto op = TRY(pointer.read());
    const Result<> result = grant::set_version(op);
    TRY(pointer.write(op));
    return result;
}

/// setup_table and get_status_frames also return a list of frames.
template <class Op> Result<> with_frames(u64 address, Result<> (*work)(Op&), bool status_frames) {
    GuestPointer<Op> pointer(address);
    Op op = TRY(pointer.read());
    TRY(work(op));
    if (op.status == static_cast<s16>(abi::GrantStatus::Okay)) {
        DomainRef domain = TRY(find_domain_or_self(op.dom));
        GuestPointer<u64> list(op.frame_list.address);
        for (u32 i = 0; i < op.nr_frames; ++i) {
            const Mfn mfn = TRY(grant::table_frame(*domain, i, status_frames));
            TRY(list.write(mfn.raw(), i));
        }
    }
    return pointer.write(op);
}

Result<> swap_one(abi::GnttabSwapGrantRef& op) {
    const Result<> result = grant::swap(GrantRef(op.ref_a), GrantRef(op.ref_b));
    op.status = static_cast<s16>(result                             ? abi::GrantStatus::Okay
                                 : result.error() == Error::NoEntry ? abi::GrantStatus::BadGntref
                                                                    : abi::GrantStatus::Eagain);
    return {};
}

/// Operations that take exactly one element.
Result<> perform_single(GrantTableOp command, u64 address) {
    switch (command) {
    case GrantTableOp::SetupTable: return with_frames(address, &grant::setup_table, false);
    case GrantTableOp::GetStatusFrames: return with_frames(address, &grant::get_status_frames, true);
    case GrantTableOp::QuerySize: return single(address, &grant::query_size);
    case GrantTableOp::SetVersion: return set_version(address);
    case GrantTableOp::GetVersion: return single(address, &grant::get_version);
    default: return fail(Error::NoSys);
    }
}

} // namespace

Outcome grant_table_op(Call& call) {
    const auto command = static_cast<GrantTableOp>(static_cast<u32>(call.args[0]));
    const u64 count = call.args[2] & 0xffffffff;
    if (static_cast<s32>(count) < 0) return Outcome::error(Error::Invalid);
    Progress progress;
    u64 element = 0;
    switch (command) {
    case GrantTableOp::MapGrantRef:
        element = sizeof(abi::GnttabMapGrantRef);
        progress = each<abi::GnttabMapGrantRef>(call.args[1], count, grant::map);
        break;
    case GrantTableOp::UnmapGrantRef:
        element = sizeof(abi::GnttabUnmapGrantRef);
        progress = unmap(call.args[1], count);
        break;
    case GrantTableOp::Copy:
        element = sizeof(abi::GnttabCopy);
        progress = copy(call.args[1], count);
        break;
    case GrantTableOp::SwapGrantRef:
        element = sizeof(abi::GnttabSwapGrantRef);
        progress = each<abi::GnttabSwapGrantRef>(call.args[1], count, [](auto& op) { (void)swap_one(op); });
        break;
    default:
        if (count != 1) return Outcome::error(Error::Invalid);
        return Outcome::of(perform_single(command, call.args[1]));
    }
    if (!progress.result) return Outcome::of(progress.result);
    if (progress.done == count) return Outcome::of(0);
    call.args[1] += progress.done * element;
    call.args[2] = count - progress.done;
    return Outcome::restart();
}

} // namespace px::hypercall
