// SPDX-License-Identifier: Apache-2.0
// Hypercall mmuext_op: pins, base pointers, flushes, LDT, page copies (public/xen.h).
#include "base/log.hpp"
#include "domain/guest_pointer.hpp"
#include "machine/machine.hpp"
#include "x86/instructions.hpp"
#include "x86/pv/hypercall_rows.hpp"
#include "x86/pv/paging/descriptor.hpp"
#include "x86/pv/paging/mmu_end.hpp"
#include "x86/pv/paging/mmu_flush.hpp"
#include "x86/pv/paging/mmu_owner.hpp"
#include "x86/pv/paging/pagetable.hpp"
#include "x86/pv/paging/tlb.hpp"

#include <cstring>

namespace px::pv {

namespace {

using hypercall::Call;
using hypercall::Outcome;
using Command = abi::MmuextCommand;

Result<> pin(Mfn mfn, unsigned level, PvDomain& owner) {
    if (!is_valid(mfn)) return fail(Error::Invalid);
    Guard guard(owner.page_table_lock);
    return pin_table(frame_of(mfn), owner, level, current_pv().table_hold);
}

Result<> unpin(Mfn mfn, PvDomain& owner) {
    if (!is_valid(mfn)) return fail(Error::Invalid);
    Guard guard(owner.page_table_lock);
    return unpin_table(frame_of(mfn), owner, current_pv().table_hold);
}

Result<> new_base(Mfn mfn, bool user) {
    PvVcpu& vcpu = current_pv();
    Guard guard(vcpu.pv_domain().page_table_lock);
    return user ? set_user_table(vcpu, mfn) : set_kernel_table(vcpu, mfn);
}

Result<> new_ldt(GuestVaddr address, u32 entries) {
    PvVcpu& vcpu = current_pv();
    Guard guard(vcpu.pv_domain().page_table_lock);
    return set_ldt(vcpu, address, entries);
}

/// A data page of the owner, to write to. What the hypervisor offers, or has left of a dead domain, is for reading.
Result<Frame*> writable_page(Mfn mfn, const Domain& owner) {
    if (owner.id.raw() == abi::domid_xen) return fail(Error::Invalid);
    if (!is_valid(mfn) || !acquire_writable(frame_of(mfn), owner.id)) return fail(Error::Invalid);
    return &frame_of(mfn);
}

Result<> clear_page(Mfn mfn, const Domain& owner) {
    Frame* const to = TRY(writable_page(mfn, owner));
    std::memset(to_virtual(*to), 0, page_size);
    release_writable(*to);
    return {};
}

Result<> copy_page(Mfn to_mfn, Mfn from_mfn, const Domain& owner) {
    if (!is_valid(from_mfn) || !acquire_frame(frame_of(from_mfn), owner.id)) return fail(Error::Invalid);
    Frame& from = frame_of(from_mfn);
    const Result<Frame*> to = writable_page(to_mfn, owner);
    if (to) {
        std::memcpy(to_virtual(**to), to_virtual(from), page_size);
        release_writable(**to);
    }
    release_frame(from);
    return to ? Result<>{} : fail(to.error());
}

void write_back_caches(void*) { x86::wbinvd(); }

Result<> flush_caches(bool everywhere) {
    if (!has_devices(current_domain())) return fail(everywhere ? Error::Invalid : Error::Access); // as Xen
    if (everywhere) machine::call_on(machine::online_cpus(), write_back_caches, nullptr);
    else write_back_caches(nullptr);
    return {};
}

Result<> flush_on(const abi::MmuextOp& op, bool whole, bool all) {
    const CpuMask cpus =
        all ? dirty_cpus(current_domain()) : TRY(cpus_of_guest_mask(GuestVaddr(op.arg2.vcpumask.address)));
    if (whole) flush_tlb(cpus);
    else flush_page(cpus, GuestVaddr(op.arg1.linear_addr));
    return {};
}

/// Operations that also work for a domain that the caller controls.
Result<> run_for(const abi::MmuextOp& op, const NamedDomain& owner) {
    const Mfn mfn(op.arg1.mfn);
    switch (static_cast<Command>(op.cmd)) {
    case Command::PinL1Table:
    case Command::PinL2Table:
    case Command::PinL3Table:
    case Command::PinL4Table: return owner.pv() ? pin(mfn, op.cmd + 1, *owner.pv()) : fail(Error::Perm);
    case Command::UnpinTable: return owner.pv() ? unpin(mfn, *owner.pv()) : fail(Error::Perm);
    case Command::ClearPage: return clear_page(mfn, *owner);
    case Command::CopyPage: return copy_page(mfn, Mfn(op.arg2.src_mfn), *owner);
    case Command::MarkSuper:
    case Command::UnmarkSuper: return fail(Error::NotSupported);
    default: return fail(Error::NoSys);
    }
}

/// Operations on the current vCPU or domain.
Result<> run_here(const abi::MmuextOp& op) {
    switch (static_cast<Command>(op.cmd)) {
    case Command::NewBaseptr: return new_base(Mfn(op.arg1.mfn), false);
    case Command::NewUserBaseptr: return new_base(Mfn(op.arg1.mfn), true);
    case Command::TlbFlushLocal: flush_tlb_here(); return {};
    case Command::InvlpgLocal: x86::invlpg(op.arg1.linear_addr); return {};
    case Command::TlbFlushMulti: return flush_on(op, true, false);
    case Command::InvlpgMulti: return flush_on(op, false, false);
    case Command::TlbFlushAll: return flush_on(op, true, true);
    case Command::InvlpgAll: return flush_on(op, false, true);
    case Command::FlushCache: return flush_caches(false);
    case Command::FlushCacheGlobal: return flush_caches(true);
    case Command::SetLdt: return new_ldt(GuestVaddr(op.arg1.linear_addr), op.arg2.nr_ents);
    default: return fail(Error::NoSys);
    }
}

bool is_for_self(u32 command) {
    switch (static_cast<Command>(command)) {
    case Command::NewBaseptr:
    case Command::NewUserBaseptr:
    case Command::TlbFlushLocal:
    case Command::InvlpgLocal:
    case Command::TlbFlushMulti:
    case Command::InvlpgMulti:
    case Command::TlbFlushAll:
    case Command::InvlpgAll:
    case Command::FlushCache:
    case Command::FlushCacheGlobal:
    case Command::SetLdt: return true;
    default: return false;
    }
}

Result<> run_one(const abi::MmuextOp& op, const NamedDomain& owner) {
    TableHold& hold = current_pv().table_hold;
    if (is_for_self(op.cmd)) {
        if (&*owner != &current_domain()) return fail(Error::Perm);
        TRY(settle_foreign_hold(hold, current_pv().pv_domain()));
        return run_here(op);
    }
    if (PvDomain* const domain = owner.pv()) TRY(settle_foreign_hold(hold, *domain));
    return run_for(op, owner);
}

Result<> run_all(const GuestPointer<abi::MmuextOp>& ops, u32 count, const NamedDomain& owner, u32& done) {
    TableHold& hold = current_pv().table_hold;
    while (done < count) {
        if (done != 0 && hypercall::should_preempt()) return fail(Error::Restart);
        const abi::MmuextOp op = TRY(ops.read(done));
        const Result<> result = run_one(op, owner);
        if (result) {
            ++done;
            // A table that this operation dropped is an ordinary frame for the next one.
            TRY(settle_all(hold));
            continue;
        }
        if (result.error() != Error::Restart)
            log::guest("d{}: mmuext_op {} refused ({}): {:#x}", current_domain().id, op.cmd,
                       static_cast<int>(result.error()), op.arg1.mfn);
        return result;
    }
    return {};
}

Outcome run(Call& call) {
    if (is_ending(call)) return go_on_ending(call, current_pv().table_hold);
    const auto owner = NamedDomain::find(static_cast<u16>(call.args[3]));
    if (!owner) return Outcome::error(owner.error());
    const bool continued = (call.args[1] & abi::mmu_update_preempted) != 0;
    const u32 count = static_cast<u32>(call.args[1]) & ~abi::mmu_update_preempted;
    const GuestPointer<u32> total(call.args[2]);
    u32 done = 0;
    const Result<> result = run_all(GuestPointer<abi::MmuextOp>(call.args[0]), count, *owner, done);
    if (!total.is_null()) {
        const Result<u32> before = continued ? total.read() : Result<u32>{0};
        if (!before || !total.write(*before + done)) return end(call, fail(Error::Fault), current_pv().table_hold);
    }
    const bool is_restart = !result && result.error() == Error::Restart;
    if (!is_restart || done == count) return end(call, is_restart ? Result<>{} : result, current_pv().table_hold);
    call.args[0] += u64{done} * sizeof(abi::MmuextOp);
    call.args[1] = (count - done) | abi::mmu_update_preempted;
    return Outcome::restart();
}

} // namespace
} // namespace px::pv

namespace px::hypercall {

Outcome mmuext_op(Call& call) { return pv::run(call); }

} // namespace px::hypercall
