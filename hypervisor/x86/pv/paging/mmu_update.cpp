// SPDX-License-Identifier: Apache-2.0
// Hypercalls mmu_update, update_va_mapping and update_va_mapping_otherdomain (public/xen.h).
#include "base/log.hpp"
#include "domain/guest_pointer.hpp"
#include "domain/system_domain.hpp"
#include "x86/pv/hypercall_rows.hpp"
#include "x86/pv/paging/mmu_end.hpp"
#include "x86/pv/paging/mmu_flush.hpp"
#include "x86/pv/paging/mmu_owner.hpp"
#include "x86/pv/paging/pagetable.hpp"

#include <algorithm>

namespace px::pv {

Result<NamedDomain> NamedDomain::find(u16 id) {
    NamedDomain named;
    if (id == abi::domid_self) return named;
    if (id == current_domain().id.raw()) return fail(Error::Search); // as Xen: oneself is not a foreign domain
    if (Domain* owner = frame_owner_domain(id)) {
        if (id == abi::domid_xen && !current_domain().is_privileged) return fail(Error::Perm);
        named.domain_ = owner;
        return named;
    }
    named.reference_ = TRY(find_controlled_domain(id));
    named.domain_ = named.reference_.get();
    return named;
}

namespace {

using hypercall::Call;
using hypercall::Outcome;

/// Requests are copied in by this many.
constexpr u32 batch = 16;
constexpr u64 command_mask = 3;

Result<> update_m2p(u64 mfn, u64 pfn, const Domain& owner) {
    if (!is_valid(Mfn(mfn)) || !acquire_frame(frame_of(Mfn(mfn)), owner.id)) return fail(Error::Invalid);
    set_m2p(Mfn(mfn), pfn);
    release_frame(frame_of(Mfn(mfn)));
    return {};
}

/// One request, with the lock of the tables' owner.
Result<> update_one(const abi::MmuUpdate& request, PvDomain& tables, const Domain& frames, TableHold& hold)
    PX_REQUIRES(tables.page_table_lock) {
    const Paddr address(request.ptr & ~command_mask);
    switch (static_cast<abi::MmuUpdateCommand>(request.ptr & command_mask)) {
    case abi::MmuUpdateCommand::NormalPtUpdate:
    case abi::MmuUpdateCommand::PtUpdateNoTranslate:
        return update_machine_word(address, request.val, tables, frames, AccessBits::Overwrite, hold);
    case abi::MmuUpdateCommand::PtUpdatePreserveAd:
        return update_machine_word(address, request.val, tables, frames, AccessBits::Preserve, hold);
    case abi::MmuUpdateCommand::MachphysUpdate: return update_m2p(address.raw() >> page_shift, request.val, frames);
    }
    return fail(Error::NoSys);
}

Result<> refuse(const abi::MmuUpdate& request, Error error) {
    if (error != Error::Restart)
        log::guest("d{}: mmu_update refused ({}): ptr {:#x} val {:#x}", current_domain().id, static_cast<int>(error),
                   request.ptr, request.val);
    return fail(error);
}

/// Works on requests until one fails, all are done, or it is time to stop. `done` counts the successful ones.
/// Errors: Restart, and those of the request that failed.
Result<> update_all(const GuestPointer<abi::MmuUpdate>& requests, u32 count, PvDomain& tables, const Domain& frames,
                    u32& done) {
    TableHold& hold = current_pv().table_hold;
    TRY(settle_foreign_hold(hold, tables));
    while (done < count) {
        abi::MmuUpdate copied[batch];
        u32 n = std::min(count - done, batch);
        if (!requests.read_array(copied, n, done)) {
            n = 1; // those before the bad one count
            TRY(requests.read_array(copied, n, done));
        }
        Guard guard(tables.page_table_lock);
        for (u32 i = 0; i < n; ++i) {
            if (done != 0 && hypercall::should_preempt()) return fail(Error::Restart);
            const Result<> updated = update_one(copied[i], tables, frames, hold);
            if (!updated) return refuse(copied[i], updated.error());
            ++done;
            // A table that this request dropped is an ordinary frame for the next one.
            TRY(settle(tables, hold));
        }
    }
    return {};
}

Outcome report(Call& call, u32 count, u32 done, const Result<>& result) {
    const bool continued = (call.args[1] & abi::mmu_update_preempted) != 0;
    const GuestPointer<u32> total(call.args[2]);
    if (!total.is_null()) {
        const Result<u32> before = continued ? total.read() : Result<u32>{0};
        if (!before || !total.write(*before + done)) return end(call, fail(Error::Fault), current_pv().table_hold);
    }
    const bool is_restart = !result && result.error() == Error::Restart;
    if (!is_restart || done == count) return end(call, is_restart ? Result<>{} : result, current_pv().table_hold);
    call.args[0] += u64{done} * sizeof(abi::MmuUpdate);
    call.args[1] = (count - done) | abi::mmu_update_preempted;
    return Outcome::restart();
}

/// Owners named by the fourth argument: frames in the low half, tables (plus one) in the high half.
struct Owners {
    NamedDomain tables, frames;
};

Result<Owners> find_owners(u32 foreign) {
    Owners owners;
    const u16 tables = static_cast<u16>(foreign >> 16), frames = static_cast<u16>(foreign);
    if (frames != abi::domid_self) owners.frames = TRY(NamedDomain::find(frames));
    if (tables != 0 && tables - 1 != current_domain().id.raw())
        owners.tables = TRY(NamedDomain::find(static_cast<u16>(tables - 1)));
    if (!owners.tables.pv()) return fail(Error::Perm);
    return owners;
}

/// update_va_mapping: changes the entry for an address in the current tables.
Result<> update_address(GuestVaddr address, u64 value, const Domain& frames) {
    PvVcpu& vcpu = current_pv();
    PvDomain& domain = vcpu.pv_domain();
    Guard guard(domain.page_table_lock);
    PageSlot* const slot = find_l1_entry(domain, vcpu.kernel_l4, address);
    if (!slot) return fail(Error::Invalid);
    return update_l1_entry(*slot, PageEntry(value), domain, frames, AccessBits::Overwrite);
}

/// The flush that the flags ask for is done even if the update failed.
Outcome update_and_flush(GuestVaddr address, u64 value, u64 flags, const Domain& frames) {
    const Result<> updated = update_address(address, value, frames);
    const Result<> flushed = flush_by_flags(address, flags);
    if (!updated)
        log::guest("d{}: update_va_mapping refused ({}): va {:#x} val {:#x}", current_domain().id,
                   static_cast<int>(updated.error()), address, value);
    return Outcome::of(updated ? flushed : updated);
}

} // namespace
} // namespace px::pv

namespace px::hypercall {

Outcome mmu_update(Call& call) {
    if (pv::is_ending(call)) return pv::go_on_ending(call, pv::current_pv().table_hold);
    const auto owners = pv::find_owners(static_cast<u32>(call.args[3]));
    if (!owners) return Outcome::error(owners.error());
    const u32 count = static_cast<u32>(call.args[1]) & ~abi::mmu_update_preempted;
    u32 done = 0;
    const Result<> result =
        pv::update_all(GuestPointer<abi::MmuUpdate>(call.args[0]), count, *owners->tables.pv(), *owners->frames, done);
    return pv::report(call, count, done, result);
}

Outcome update_va_mapping(Call& call) {
    return pv::update_and_flush(GuestVaddr(call.args[0]), call.args[1], call.args[2], current_domain());
}

Outcome update_va_mapping_otherdomain(Call& call) {
    const auto frames = pv::NamedDomain::find(static_cast<u16>(call.args[3]));
    if (!frames) return Outcome::error(frames.error());
    return pv::update_and_flush(GuestVaddr(call.args[0]), call.args[1], call.args[2], **frames);
}

} // namespace px::hypercall
