// SPDX-License-Identifier: Apache-2.0
// Grants of what another domain grants (version 2, for copies only).
#include "lib/domains.hpp"

using namespace micro;

namespace {

/// The guest's table in version 2, and another domain's in version 1, mapped.
struct Tables {
    abi::GrantEntryV2* own;
    abi::GrantEntryV1* others;
    abi::grant_status_t* status;
    u64 own_frames[3];
};

Tables t;

void* map_of(u16 owner, u64 mfn, u64& own) {
    void* at = new_page();
    own = mfn_of(at);
    CHECK_IS(owner == 0 ? update_va(at, mfn * page_bytes | kernel_rw | no_execute)
                        : update_va_of(owner, at, mfn * page_bytes | kernel_rw | no_execute),
             0);
    return at;
}

void begin() {
    make_domain(5, 8);
    abi::GnttabSetVersion version{2};
    CHECK_IS(grant(abi::GrantTableOp::SetVersion, &version), 0);
    t.own = static_cast<abi::GrantEntryV2*>(map_of(0, grant_frame(0), t.own_frames[0]));
    t.others = static_cast<abi::GrantEntryV1*>(map_of(5, grant_frame(5), t.own_frames[1]));
    static u64 frame;
    abi::GnttabGetStatusFrames op{};
    op.nr_frames = 1;
    op.dom = abi::domid_self;
    op.frame_list.address = reinterpret_cast<u64>(&frame);
    CHECK_IS(grant(abi::GrantTableOp::GetStatusFrames, &op), 0);
    t.status = static_cast<abi::grant_status_t*>(map_of(0, frame, t.own_frames[2]));
}

void end() {
    void* const pages[] = {t.own, t.others, t.status};
    memset(t.own, 0, page_bytes);
    for (unsigned i = 0; i < 3; ++i)
        CHECK_IS(update_va(pages[i], t.own_frames[i] * page_bytes | kernel_rw | no_execute), 0);
    abi::GnttabSetVersion version{1};
    CHECK_IS(grant(abi::GrantTableOp::SetVersion, &version), 0);
    CHECK_IS(destroy_domain(5), 0);
    CHECK(is_gone(5));
}

void grant_on(u32 ref, u16 from, u32 from_ref, u16 flags = abi::gtf_transitive) {
    t.own[ref].transitive.trans_domid = from;
    t.own[ref].transitive.gref = from_ref;
    t.own[ref].hdr.domid = 0;
    asm volatile("" ::: "memory");
    t.own[ref].hdr.flags = flags;
}

/// Copies 8 bytes from offset 0 of what our reference grants, or to it.
long copy(u32 ref, void* page, bool to_grant = false, u16 offset = 0, u16 length = 8) {
    static abi::GnttabCopy op;
    op = {};
    auto& granted = to_grant ? op.dest : op.source;
    auto& mine = to_grant ? op.source : op.dest;
    granted.u.ref = ref;
    granted.domid = abi::domid_self;
    granted.offset = offset;
    mine.u.gmfn = mfn_of(page);
    mine.domid = abi::domid_self;
    op.len = length;
    op.flags = to_grant ? abi::gntcopy_dest_gref : abi::gntcopy_source_gref;
    const long answer = grant(abi::GrantTableOp::Copy, &op);
    return answer != 0 ? answer : op.status;
}

} // namespace

MICRO_CASE(transitive_grants) {
    begin();
    const u64 frame = populate(5);
    u64 own;
    auto* theirs = static_cast<volatile u64*>(map_of(5, frame, own));
    auto* page = static_cast<u64*>(new_page());
    theirs[0] = 0x1122;
    t.others[3] = {abi::gtf_permit_access, 0, static_cast<u32>(frame)};
    grant_on(20, 5, 3);
    CHECK_IS(copy(20, page), 0);
    CHECK_IS(page[0], 0x1122);
    page[0] = 0x3344;
    CHECK_IS(copy(20, page, true), 0);
    CHECK_IS(theirs[0], 0x3344);
    // Nothing is left marked, on either side.
    CHECK_IS(t.others[3].flags, abi::gtf_permit_access);
    CHECK_IS(t.status[20], 0);
    // Rights are those of both.
    grant_on(21, 5, 3, abi::gtf_transitive | abi::gtf_readonly);
    CHECK_IS(copy(21, page), 0);
    observe("transitive, read-only", copy(21, page, true));
    t.others[3].flags = abi::gtf_permit_access | abi::gtf_readonly;
    CHECK_IS(copy(20, page), 0);
    observe("transitive to a read-only grant", copy(20, page, true));
    t.others[3].domid = 7;
    observe("transitive to somebody else's grant", copy(20, page));
    t.others[3] = {0, 0, 0};
    observe("transitive to no grant", copy(20, page));
    t.others[3] = {abi::gtf_permit_access, 0, ~0u};
    observe("transitive to no frame", copy(20, page));
    t.others[3] = {abi::gtf_permit_access, 0, static_cast<u32>(frame)};
    // Not further, not to oneself, not for mapping.
    grant_on(22, 0, 20);
    observe("transitive to oneself", copy(22, page));
    grant_on(22, abi::domid_self, 20);
    observe("transitive to self", copy(22, page));
    grant_on(22, 9, 3);
    observe("transitive to nobody", copy(22, page));
    grant_on(22, 5, 5000);
    observe("transitive beyond a table", copy(22, page));
    grant_on(22, 5, 3, abi::gtf_transitive | abi::gtf_sub_page);
    observe("transitive, sub-page", copy(22, page));
    abi::GnttabMapGrantRef map{};
    map.host_addr = reinterpret_cast<u64>(new_page());
    map.flags = abi::gntmap_host_map;
    map.ref = 20;
    map.dom = abi::domid_self;
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    observe("mapping a transitive grant of oneself", map.status);
    map.dom = 0;
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &map), 0);
    observe("mapping a transitive grant", map.status);
    observe("transitive, beyond the page", copy(20, page, false, 4090, 8));
    for (unsigned ref : {20, 21, 22}) CHECK_IS(t.status[ref], 0);
    CHECK_IS(t.others[3].flags, abi::gtf_permit_access);
    CHECK_IS(update_va(const_cast<u64*>(theirs), own * page_bytes | kernel_rw | no_execute), 0);
    end();
}
