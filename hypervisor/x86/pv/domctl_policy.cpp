// SPDX-License-Identifier: Apache-2.0
// domctl get_cpu_policy and set_cpu_policy.
#include "domain/guest_pointer.hpp"
#include "memory/heap.hpp"
#include "x86/pv/cpuid.hpp"
#include "x86/pv/domctl.hpp"
#include "x86/pv/fpu.hpp"

namespace px::pv::domctl_command {

namespace {

/// A policy and its leaves are too big for the stack.
struct Work {
    CpuPolicy policy;
    abi::CpuidLeaf leaves[max_serialised_leaves];
};
struct WorkHolder {
    Work* work = make<Work>();
    ~WorkHolder() { px::destroy(work); }
};

template <class T> Result<> write_out(abi::GuestHandle<T> handle, const T* from, u32 have, u32& room) {
    if (!handle.is_null()) {
        if (room < have) return fail(Error::NoBuffers);
        TRY(GuestPointer<T>(handle).write_array(from, have));
    }
    room = have;
    return {};
}

} // namespace

Result<> get_policy(PvDomain& domain, abi::DomctlCpuPolicy& op) {
    const WorkHolder holder;
    if (!holder.work) return fail(Error::NoMemory);
    abi::MsrEntry msrs[max_serialised_msrs];
    const u32 leaf_count = serialise_leaves(*domain.policy, holder.work->leaves);
    const u32 msr_count = serialise_msrs(*domain.policy, msrs);
    TRY(write_out(op.leaves, holder.work->leaves, leaf_count, op.nr_leaves));
    return write_out(op.msrs, msrs, msr_count, op.nr_msrs);
}

Result<> set_policy(PvDomain& domain, abi::DomctlCpuPolicy& op) {
    if (&domain == &current_domain()) return fail(Error::Invalid);
    op.err_leaf = op.err_subleaf = op.err_msr = ~0u;
    if (op.nr_leaves > 2 * max_serialised_leaves || op.nr_msrs > 2 * max_serialised_msrs) return fail(Error::TooBig);
    const WorkHolder holder;
    if (!holder.work) return fail(Error::NoMemory);
    CpuPolicy& next = holder.work->policy;
    next = *domain.policy;
    for (u32 i = 0; i < op.nr_leaves; ++i) {
        const abi::CpuidLeaf leaf = TRY(GuestPointer<abi::CpuidLeaf>(op.leaves).read(i));
        if (const auto merged = merge(next, leaf); !merged) {
            op.err_leaf = leaf.leaf;
            op.err_subleaf = leaf.subleaf;
            return merged;
        }
    }
    for (u32 i = 0; i < op.nr_msrs; ++i) {
        const abi::MsrEntry entry = TRY(GuestPointer<abi::MsrEntry>(op.msrs).read(i));
        if (const auto merged = merge(next, entry); !merged) {
            op.err_msr = entry.idx;
            return merged;
        }
    }
    recalculate(next, host_policies.pv, fpu_layout.components);
    domain.pause();
    *domain.policy = next;
    domain.unpause();
    return {};
}

} // namespace px::pv::domctl_command
