// SPDX-License-Identifier: Apache-2.0
// Grant tables: frames a domain lets others map or copy.
#pragma once

#include "abi/grant_table.hpp"
#include "base/lock.hpp"
#include "base/result.hpp"
#include "domain/domain.hpp"

namespace px::grant {

/// GNTTABOP_*: each works on one element; the hypercall loops, preempts and copies. Status goes into the element
/// (GNTST_*); the Result is for errors of the call itself.
void map(abi::GnttabMapGrantRef& op);
/// Unmaps, without the TLB flush: the hypercall flushes once per batch before it drops the frames (unmap_complete).
struct Unmapped {
    Domain* granter;
    Mfn frame;
    GrantRef ref;
    u16 flags; ///< GNTMAP_* of the handle before
    u32 handle;
    u16 removed; ///< which of them went
    bool done = false;
};
void unmap(abi::GnttabUnmapGrantRef& op, Unmapped& out);
void unmap_complete(Unmapped& unmapped);
Result<> setup_table(abi::GnttabSetupTable& op);
Result<> query_size(abi::GnttabQuerySize& op);
/// Errors: Invalid: no such version. NoSys: the domain may not have it. Busy: entries beyond the reserved ones are in
/// use, or status frames are mapped. Range: version 1 has no form for a reserved entry. op.version is the version that
/// holds afterwards, in any case.
Result<> set_version(abi::GnttabSetVersion& op);
Result<> get_version(abi::GnttabGetVersion& op);
Result<> get_status_frames(abi::GnttabGetStatusFrames& op);
Result<> swap(GrantRef a, GrantRef b);

/// Parts of a domain's life. Limits in frames, and the highest version, from the domain's configuration.
Result<> init(Domain& domain, u32 max_grant_frames, u32 max_maptrack_frames, u32 max_version = 2);
/// Releases all mappings the domain holds of others; Restart when preempted.
Result<> release_mappings(Domain& domain);
void free(Domain& domain);
/// Machine frame of the table's page `index` (grown if needed), for acquire_resource and add_to_physmap.
Result<Mfn> table_frame(Domain& domain, u32 index, bool status_frame);
/// Shared frames the domain's table can have at most.
[[nodiscard]] u32 max_shared_frames(const Domain& domain);
void dump(Domain& domain);

} // namespace px::grant
