// SPDX-License-Identifier: Apache-2.0
// domctl: a domain's vCPUs: contexts, information, affinity, triggers.
#include "domain/run/schedule.hpp"
#include "hypercall/control_bitmap.hpp"
#include "hypercall/domctl/domctl.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"

namespace px::hypercall::domctl_command {

namespace {

/// Errors: Invalid for a number that the domain cannot have, Search for one that was not made.
Result<Vcpu*> vcpu_of(const Command& c, u32 number) {
    if (number >= c.domain.max_vcpus) return fail(Error::Invalid);
    Vcpu* vcpu = c.domain.vcpu(VcpuId(number));
    if (!vcpu) return fail(Error::Search);
    return vcpu;
}

/// Contexts are too big for the stack.
struct ContextHolder {
    abi::VcpuGuestContext* context = make<abi::VcpuGuestContext>();
    ~ContextHolder() { px::destroy(context); }
};

} // namespace

Result<> set_context(Command& c) {
    const abi::DomctlVcpuContext& args = c.op.u.vcpucontext;
    if (&c.domain == &current_domain()) return fail(Error::Invalid);
    const Result<Vcpu*> found = vcpu_of(c, args.vcpu);
    if (!found) return fail(Error::Invalid);
    Vcpu& vcpu = **found;
    if (args.ctxt.is_null()) {
        c.domain.pause();
        vcpu.reset();
        vcpu.is_initialised = false;
        vcpu.flags.fetch_or(vcpu_flag::down);
        c.domain.unpause();
        return {};
    }
    // What it would hold of the domain's frames nobody would take from it any more.
    if (c.domain.is_dying()) return fail(Error::Invalid);
    const ContextHolder holder;
    if (!holder.context) return fail(Error::NoMemory);
    TRY(GuestPointer<abi::VcpuGuestContext>(args.ctxt).read_array(holder.context, 1));
    c.domain.pause();
    const Result<> done = vcpu.set_context(holder.context, true);
    if (done) {
        if (holder.context->flags & abi::vgcf_online) vcpu.flags.fetch_and(~vcpu_flag::down);
        else vcpu.flags.fetch_or(vcpu_flag::down);
    }
    c.domain.unpause();
    return done;
}

Result<> get_context(Command& c) {
    const abi::DomctlVcpuContext& args = c.op.u.vcpucontext;
    Vcpu& vcpu = *TRY(vcpu_of(c, args.vcpu));
    if (&vcpu == &current()) return fail(Error::Invalid);
    if (!vcpu.is_initialised) return fail(Error::NoData);
    const ContextHolder holder;
    if (!holder.context) return fail(Error::NoMemory);
    vcpu.pause();
    const Result<> done = vcpu.get_context(holder.context);
    vcpu.unpause();
    TRY(done);
    return GuestPointer<abi::VcpuGuestContext>(args.ctxt).write_array(holder.context, 1);
}

Result<> vcpu_info(Command& c) {
    abi::DomctlGetVcpuInfo& info = c.op.u.getvcpuinfo;
    const Vcpu& vcpu = *TRY(vcpu_of(c, info.vcpu));
    abi::VcpuRunstateInfo runstate;
    vcpu.get_runstate(runstate);
    const u32 flags = vcpu.flags.load(std::memory_order_relaxed);
    info.online = (flags & vcpu_flag::down) == 0;
    info.blocked = (flags & vcpu_flag::blocked) != 0;
    info.running = vcpu.is_running.load(std::memory_order_relaxed);
    info.cpu_time = runstate.time[static_cast<int>(abi::Runstate::Running)];
    info.cpu = vcpu.processor.load(std::memory_order_relaxed);
    c.copy_back = true;
    return {};
}

namespace {

bool wants_hard(const abi::DomctlVcpuAffinity& a) { return (a.flags & abi::vcpuaffinity_hard) != 0; }
bool wants_soft(const abi::DomctlVcpuAffinity& a) { return (a.flags & abi::vcpuaffinity_soft) != 0; }

Result<> check(const abi::DomctlVcpuAffinity& a) {
    const bool known = wants_hard(a) || wants_soft(a);
    const bool hard_is_missing = wants_hard(a) && a.cpumap_hard.bitmap.is_null();
    const bool soft_is_missing = wants_soft(a) && a.cpumap_soft.bitmap.is_null();
    if (!known || hard_is_missing || soft_is_missing) return fail(Error::Invalid);
    return {};
}

} // namespace

/// Answers with what takes effect: of hard what is online, of soft what is in hard too.
Result<> set_affinity(Command& c) {
    const abi::DomctlVcpuAffinity& a = c.op.u.vcpuaffinity;
    Vcpu& vcpu = *TRY(vcpu_of(c, a.vcpu));
    TRY(check(a));
    if (vcpu.is_pinned_for_a_while && (a.flags & abi::vcpuaffinity_force) == 0) return fail(Error::Busy);
    CpuMask hard = vcpu.hard_affinity, soft = vcpu.soft_affinity;
    if (wants_hard(a)) TRY(read_bitmap(a.cpumap_hard, hard));
    if (wants_soft(a)) TRY(read_bitmap(a.cpumap_soft, soft));
    // Of a map that names all CPUs of the host, those that may come later are meant too.
    TRY(schedule::set_affinity(vcpu, hard, soft));
    vcpu.is_pinned_for_a_while = false;
    CpuMask effective = hard;
    effective &= machine::online_cpus();
    if (wants_hard(a)) TRY(write_bitmap(a.cpumap_hard, effective));
    effective &= soft;
    if (wants_soft(a)) TRY(write_bitmap(a.cpumap_soft, effective));
    return {};
}

Result<> get_affinity(Command& c) {
    const abi::DomctlVcpuAffinity& a = c.op.u.vcpuaffinity;
    const Vcpu& vcpu = *TRY(vcpu_of(c, a.vcpu));
    TRY(check(a));
    if (wants_hard(a)) TRY(write_bitmap(a.cpumap_hard, vcpu.hard_affinity));
    if (wants_soft(a)) TRY(write_bitmap(a.cpumap_soft, vcpu.soft_affinity));
    return {};
}

Result<> send_trigger(Command& c) {
    const abi::DomctlSendTrigger& args = c.op.u.sendtrigger;
    switch (static_cast<abi::Trigger>(args.trigger)) {
    case abi::Trigger::Nmi: {
        Vcpu& vcpu = *TRY(vcpu_of(c, args.vcpu));
        if (!vcpu.pending_nmi.exchange(true)) vcpu.kick();
        return {};
    }
    case abi::Trigger::Power:
    case abi::Trigger::Sleep: return fail(Error::Invalid); // buttons of an emulated machine
    default: return fail(Error::NoSys);
    }
}

} // namespace px::hypercall::domctl_command
