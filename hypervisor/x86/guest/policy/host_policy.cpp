// SPDX-License-Identifier: Apache-2.0
// The host's CPU policies for sysctl: those of paravirtual guests; there are no others.
#include "domain/host_policy.hpp"

#include "domain/guest_pointer.hpp"
#include "x86/guest/policy/cpuid.hpp"

#include <algorithm>

namespace px::host_policy {

namespace {

Result<const guest::CpuPolicy*> policy_of(u32 index) {
    switch (static_cast<abi::CpuPolicyIndex>(index)) {
    case abi::CpuPolicyIndex::Raw: return &guest::host_policies.raw;
    case abi::CpuPolicyIndex::Host: return &guest::host_policies.host;
    case abi::CpuPolicyIndex::PvMax:
    case abi::CpuPolicyIndex::PvDefault: return &guest::host_policies.pv;
    case abi::CpuPolicyIndex::HvmMax:
    case abi::CpuPolicyIndex::HvmDefault: return fail(Error::NotSupported);
    }
    return fail(Error::Invalid);
}

Result<const guest::CpuPolicy*> policy_of_featureset(u32 index) {
    switch (static_cast<abi::CpuFeaturesetIndex>(index)) {
    case abi::CpuFeaturesetIndex::Raw: return &guest::host_policies.raw;
    case abi::CpuFeaturesetIndex::Host: return &guest::host_policies.host;
    case abi::CpuFeaturesetIndex::Pv:
    case abi::CpuFeaturesetIndex::PvMax: return &guest::host_policies.pv;
    case abi::CpuFeaturesetIndex::Hvm:
    case abi::CpuFeaturesetIndex::HvmMax: return fail(Error::NotSupported);
    }
    return fail(Error::Invalid);
}

Result<> copy_leaves(const guest::CpuPolicy& policy, abi::SysctlCpuPolicy& op) {
    abi::CpuidLeaf leaves[guest::max_serialised_leaves];
    const u32 count = guest::serialise_leaves(policy, leaves);
    if (op.nr_leaves < count) return fail(Error::NoBuffers);
    op.nr_leaves = count;
    return GuestPointer<abi::CpuidLeaf>(op.leaves).write_array(leaves, count);
}

Result<> copy_msrs(const guest::CpuPolicy& policy, abi::SysctlCpuPolicy& op) {
    abi::MsrEntry msrs[guest::max_serialised_msrs];
    const u32 count = guest::serialise_msrs(policy, msrs);
    if (op.nr_msrs < count) return fail(Error::NoBuffers);
    op.nr_msrs = count;
    return GuestPointer<abi::MsrEntry>(op.msrs).write_array(msrs, count);
}

} // namespace

Result<> get(abi::SysctlCpuPolicy& op) {
    if (op._rsvd != 0) return fail(Error::Invalid);
    const guest::CpuPolicy& policy = *TRY(policy_of(op.index));
    if (op.leaves.is_null()) op.nr_leaves = guest::max_serialised_leaves;
    else TRY(copy_leaves(policy, op));
    if (op.msrs.is_null()) {
        op.nr_msrs = guest::max_serialised_msrs;
        return {};
    }
    return copy_msrs(policy, op);
}

Result<> get_featureset(abi::SysctlCpuFeatureset& op) {
    if (op.features.is_null()) {
        op.nr_features = guest::featureset_words;
        return {};
    }
    const guest::CpuPolicy& policy = *TRY(policy_of_featureset(op.index));
    u32 words[guest::featureset_words];
    guest::get_featureset(policy, words);
    const u32 room = std::min(op.nr_features, guest::featureset_words);
    TRY(GuestPointer<u32>(op.features).write_array(words, room));
    const bool is_cut = op.nr_features < guest::featureset_words;
    op.nr_features = guest::featureset_words;
    if (is_cut) return fail(Error::NoBuffers);
    return {};
}

/// None: guests' CPUID is shaped by emulation alone.
u32 levelling_capabilities() { return 0; }

} // namespace px::host_policy
