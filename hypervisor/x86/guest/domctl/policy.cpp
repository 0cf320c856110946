// SPDX-License-Identifier: Apache-2.0
// CPU policies of domains, read and set by the tools.
#include "x86/guest/domctl/domctl.hpp"
#include "x86/guest/fpu.hpp"
#include "x86/guest/policy/cpuid.hpp"

#include "memory/heap.hpp"

namespace px::guest::domctl {
namespace {

/// A policy to work on, with its serialised leaves: too big for the stack.
struct Scratch {
    CpuPolicy policy;
    abi::CpuidLeaf leaves[max_serialised_leaves];
    abi::MsrEntry msrs[max_serialised_msrs];
};

/// Owns what make() gave.
class ScratchHolder {
  public:
    ScratchHolder() : scratch_(make<Scratch>()) {}
    ~ScratchHolder() { destroy(scratch_); }
    ScratchHolder(const ScratchHolder&) = delete;
    ScratchHolder& operator=(const ScratchHolder&) = delete;
    explicit operator bool() const { return scratch_ != nullptr; }
    Scratch* operator->() { return scratch_; }

  private:
    Scratch* scratch_;
};

bool has_started(const X86Domain& domain) {
    for (u32 i = 0; i < domain.max_vcpus; ++i)
        if (domain.vcpus[i] && domain.vcpus[i]->is_initialised) return true;
    return false;
}

Result<> merge_leaves(CpuPolicy& policy, abi::DomctlCpuPolicy& op) {
    const GuestPointer<abi::CpuidLeaf> leaves(op.leaves);
    for (u32 i = 0; i < op.nr_leaves; ++i) {
        const abi::CpuidLeaf leaf = TRY(leaves.read(i));
        op.err_leaf = leaf.leaf;
        op.err_subleaf = leaf.subleaf;
        TRY(merge(policy, leaf));
    }
    op.err_leaf = op.err_subleaf = ~0u;
    return {};
}

Result<> merge_msrs(CpuPolicy& policy, abi::DomctlCpuPolicy& op) {
    const GuestPointer<abi::MsrEntry> msrs(op.msrs);
    for (u32 i = 0; i < op.nr_msrs; ++i) {
        const abi::MsrEntry msr = TRY(msrs.read(i));
        op.err_msr = msr.idx;
        TRY(merge(policy, msr));
    }
    op.err_msr = ~0u;
    return {};
}

} // namespace

Result<> get_cpu_policy(X86Domain& domain, abi::DomctlCpuPolicy& op) {
    ScratchHolder scratch;
    if (!scratch) return fail(Error::NoMemory);
    {
        Guard guard(domain.lock);
        scratch->policy = *domain.policy;
    }
    if (op.leaves.is_null()) {
        op.nr_leaves = max_serialised_leaves;
    } else {
        const u32 count = serialise_leaves(scratch->policy, scratch->leaves);
        if (op.nr_leaves < count) return fail(Error::NoBuffers);
        TRY(GuestPointer<abi::CpuidLeaf>(op.leaves).write_array(scratch->leaves, count));
        op.nr_leaves = count;
    }
    if (op.msrs.is_null()) {
        op.nr_msrs = max_serialised_msrs;
        return {};
    }
    const u32 count = serialise_msrs(scratch->policy, scratch->msrs);
    if (op.nr_msrs < count) return fail(Error::NoBuffers);
    TRY(GuestPointer<abi::MsrEntry>(op.msrs).write_array(scratch->msrs, count));
    op.nr_msrs = count;
    return {};
}

Result<> set_cpu_policy(X86Domain& domain, abi::DomctlCpuPolicy& op) {
    op.err_leaf = op.err_subleaf = op.err_msr = ~0u;
    if (op.nr_leaves > max_serialised_leaves || op.nr_msrs > max_serialised_msrs) return fail(Error::TooBig);
    if (has_started(domain)) return fail(Error::Exists);
    ScratchHolder scratch;
    if (!scratch) return fail(Error::NoMemory);
    scratch->policy = *domain.policy;
    TRY(merge_leaves(scratch->policy, op));
    TRY(merge_msrs(scratch->policy, op));
    recalculate(scratch->policy, domain.largest_policy(), fpu_layout.components);
    Guard guard(domain.lock);
    *domain.policy = scratch->policy;
    return {};
}

} // namespace px::guest::domctl
