// SPDX-License-Identifier: Apache-2.0
// The two versions of the grant table, and what becomes of the entries that are reserved for the toolstack.
#include "lib/grants.hpp"

using namespace micro;
using abi::Errno;

namespace {

constexpr u32 reserved = abi::gnttab_nr_reserved_entries;

struct Answer {
    long result;
    u32 version; ///< as the call wrote it back
};
Answer set_version(u32 version) {
    abi::GnttabSetVersion op{version};
    const long result = grant(abi::GrantTableOp::SetVersion, &op);
    return {result, op.version};
}

long map_at(void* window, u32 ref, u32 flags, u32& handle) {
    abi::GnttabMapGrantRef op{};
    op.host_addr = reinterpret_cast<u64>(window);
    op.flags = abi::gntmap_host_map | flags;
    op.ref = ref;
    op.dom = own_id();
    CHECK_IS(update_va(window, 0), 0);
    CHECK_IS(grant(abi::GrantTableOp::MapGrantRef, &op), 0);
    handle = op.handle;
    return op.status;
}
long unmap_from(void* window, u32 handle) {
    abi::GnttabUnmapGrantRef op{};
    op.host_addr = reinterpret_cast<u64>(window);
    op.handle = handle;
    CHECK_IS(grant(abi::GrantTableOp::UnmapGrantRef, &op), 0);
    return op.status;
}

/// Both forms of the table at one place.
struct Table {
    abi::GrantEntryV1* const v1 = grant_table();
    abi::GrantEntryV2* const v2 = reinterpret_cast<abi::GrantEntryV2*>(v1);
    void clear() const { memset(v1, 0, page_bytes); }
};

} // namespace

/// Console and store are mapped by the tools all of a guest's life: that must not keep it from either version.
MICRO_CASE(version_changes_while_reserved_entries_are_mapped) {
    const Table table;
    auto* page = static_cast<volatile u64*>(new_page());
    auto* window = static_cast<volatile u64*>(new_page());
    auto* reader = static_cast<volatile u64*>(new_page());
    const u32 frame = static_cast<u32>(mfn_of(const_cast<u64*>(page)));
    u32 handle, read_handle;
    table.clear();
    table.v1[1] = {abi::gtf_permit_access, own_id(), frame};
    table.v1[7] = {abi::gtf_permit_access | abi::gtf_readonly, own_id(), frame};
    table.v1[8] = {abi::gtf_permit_access, own_id(), frame};
    CHECK_IS(map_at(const_cast<u64*>(window), 1, 0, handle), 0);
    CHECK_IS(map_at(const_cast<u64*>(reader), 7, abi::gntmap_readonly, read_handle), 0);
    const Answer answer = set_version(2);
    CHECK_IS(answer.result, 0);
    CHECK_IS(answer.version, 2);
    if (answer.result == 0) {
        CHECK_IS(table.v2[1].hdr.flags, abi::gtf_permit_access);
        CHECK_IS(table.v2[1].hdr.domid, own_id());
        CHECK_IS(table.v2[1].full_page.frame, frame);
        CHECK_IS(table.v2[7].hdr.flags, abi::gtf_permit_access | abi::gtf_readonly);
        CHECK_IS(table.v2[8].hdr.flags, 0);
        {
            const StatusFrame status;
            CHECK_IS(status[0], 0);
            CHECK_IS(status[1], abi::gtf_reading | abi::gtf_writing);
            CHECK_IS(status[7], abi::gtf_reading);
            CHECK_IS(unmap_from(const_cast<u64*>(reader), read_handle), 0);
            CHECK_IS(status[7], 0);
        }
        page[3] = 0x3333;
        CHECK_IS(window[3], 0x3333);
        CHECK_IS(set_version(1).result, 0);
        CHECK_IS(table.v1[1].flags, abi::gtf_permit_access | abi::gtf_reading | abi::gtf_writing);
        CHECK_IS(table.v1[1].domid, own_id());
        CHECK_IS(table.v1[1].frame, frame);
        CHECK_IS(table.v1[7].flags, abi::gtf_permit_access | abi::gtf_readonly);
        CHECK_IS(table.v1[8].flags, 0);
    } else {
        CHECK_IS(unmap_from(const_cast<u64*>(reader), read_handle), 0);
    }
    CHECK_IS(unmap_from(const_cast<u64*>(window), handle), 0);
    CHECK_IS(table.v1[1].flags, abi::gtf_permit_access);
    table.clear();
    for (auto* p : {window, reader}) CHECK_IS(set_access(const_cast<u64*>(p), true), 0);
}

/// The others must not be in use.
MICRO_CASE(version_stays_while_other_entries_are_mapped) {
    const Table table;
    void* const page = new_page();
    void* const window = new_page();
    u32 handle;
    table.clear();
    table.v1[reserved] = {abi::gtf_permit_access, own_id(), static_cast<u32>(mfn_of(page))};
    CHECK_IS(map_at(window, reserved, 0, handle), 0);
    const Answer to_2 = set_version(2);
    CHECK_IS(to_2.result, error(Errno::Busy));
    observe("version told after a change that is refused", to_2.version);
    CHECK_IS(unmap_from(window, handle), 0);
    CHECK_IS(set_version(2).result, 0);
    table.v2[reserved].full_page.frame = mfn_of(page);
    table.v2[reserved].hdr = {abi::gtf_permit_access, own_id()};
    CHECK_IS(map_at(window, reserved, 0, handle), 0);
    const Answer to_1 = set_version(1);
    CHECK_IS(to_1.result, error(Errno::Busy));
    observe("version told after a change back that is refused", to_1.version);
    CHECK_IS(unmap_from(window, handle), 0);
    CHECK_IS(set_version(1).result, 0);
    for (u32 bad : {0u, 3u, ~0u}) {
        const Answer answer = set_version(bad);
        CHECK_IS(answer.result, error(Errno::Invalid));
        CHECK_IS(answer.version, 1);
    }
    table.clear();
    CHECK_IS(set_access(window, true), 0);
}

/// What a guest wrote into reserved entries that nobody maps, through both changes.
MICRO_CASE(reserved_entries_are_carried_over) {
    const Table table;
    table.clear();
    const u16 flags[reserved] = {abi::gtf_permit_access,
                                 abi::gtf_permit_access | abi::gtf_reading | abi::gtf_writing,
                                 abi::gtf_accept_transfer,
                                 abi::gtf_invalid,
                                 abi::gtf_transitive,
                                 abi::gtf_permit_access | abi::gtf_sub_page | abi::gtf_pcd,
                                 abi::gtf_invalid | abi::gtf_reading,
                                 0xfff1};
    for (u32 i = 0; i < reserved; ++i) table.v1[i] = {flags[i], static_cast<u16>(own_id() + i), 0x700 + i};
    CHECK_IS(set_version(2).result, 0);
    static const char* const flags_names[reserved] = {"v2 flags 0", "v2 flags 1", "v2 flags 2", "v2 flags 3",
                                                      "v2 flags 4", "v2 flags 5", "v2 flags 6", "v2 flags 7"};
    static const char* const frame_names[reserved] = {"v2 frame 0", "v2 frame 1", "v2 frame 2", "v2 frame 3",
                                                      "v2 frame 4", "v2 frame 5", "v2 frame 6", "v2 frame 7"};
    static const char* const status_names[reserved] = {"v2 status 0", "v2 status 1", "v2 status 2", "v2 status 3",
                                                       "v2 status 4", "v2 status 5", "v2 status 6", "v2 status 7"};
    static const char* const back_names[reserved] = {"v1 flags 0", "v1 flags 1", "v1 flags 2", "v1 flags 3",
                                                     "v1 flags 4", "v1 flags 5", "v1 flags 6", "v1 flags 7"};
    {
        const StatusFrame status;
        for (u32 i = 0; i < reserved; ++i) {
            observe(flags_names[i], table.v2[i].hdr.flags);
            observe(frame_names[i], static_cast<s64>(table.v2[i].full_page.frame));
            observe(status_names[i], status[i]);
            CHECK_IS(table.v2[i].hdr.domid, static_cast<u16>(own_id() + i));
        }
    }
    table.v2[4].hdr.flags = 0; // transitive
    const long back = set_version(1).result;
    observe("version 1 with odd entries", back);
    if (back == 0)
        for (u32 i = 0; i < reserved; ++i) observe(back_names[i], table.v1[i].flags);
    observe("v1 frame of a transfer", table.v1[2].frame);
    observe("v1 domain of a transfer", table.v1[2].domid);
    table.clear();
    CHECK_IS(set_version(1).result, 0);
}

/// What version 1 has no form for keeps version 2.
MICRO_CASE(entries_without_a_form_in_version_1) {
    const Table table;
    table.clear();
    const struct {
        u16 flags;
        u64 frame;
        const char *what, *told;
    } entries[] = {
        {abi::gtf_transitive, 0, "back with a transitive entry", "version with a transitive entry"},
        {abi::gtf_permit_access, u64{1} << 32, "back with a high frame", "version with a high frame"},
        {abi::gtf_permit_access | abi::gtf_sub_page, 0x700, "back with a part of a frame", "version with a part"},
        {abi::gtf_invalid, u64{1} << 32, "back with a high frame of no grant", "version with a high frame of no grant"},
        {abi::gtf_accept_transfer, u64{1} << 32, "back with a high transfer", "version with a high transfer"},
    };
    for (const auto& entry : entries) {
        CHECK_IS(set_version(2).result, 0);
        table.v2[reserved - 1].full_page.frame = entry.frame;
        table.v2[reserved - 1].hdr = {entry.flags, own_id()};
        const Answer back = set_version(1);
        observe(entry.what, back.result);
        observe(entry.told, back.version);
        if (back.result != 0) CHECK_IS(table.v2[reserved - 1].hdr.flags, entry.flags); // nothing is lost
        table.clear();
        CHECK_IS(set_version(1).result, 0);
    }
    CHECK_IS(set_version(2).result, 0);
    table.v2[reserved].full_page.frame = u64{1} << 32;
    table.v2[reserved].hdr = {abi::gtf_permit_access, own_id()};
    CHECK_IS(set_version(1).result, 0); // not reserved: dropped
    table.clear();
}
