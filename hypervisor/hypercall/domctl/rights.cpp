// SPDX-License-Identifier: Apache-2.0
// domctl: rights to hardware, placement and shares of the host.
#include "domain/event/channels.hpp"
#include "domain/rangeset.hpp"
#include "domain/run/schedule.hpp"
#include "hypercall/control_bitmap.hpp"
#include "hypercall/domctl/domctl.hpp"

namespace px::hypercall::domctl_command {

namespace {

/// The caller can give only what it has itself.
bool caller_has(RangeSet* Domain::* set, u64 first, u64 last) {
    Domain& caller = current_domain();
    Guard guard(caller.lock);
    return caller.*set && (caller.*set)->contains(first, last);
}

Result<> change(Domain& domain, RangeSet* Domain::* set, u64 first, u64 last, bool allow) {
    Guard guard(domain.lock);
    if (!(domain.*set)) return fail(Error::Invalid);
    return allow ? (domain.*set)->add(first, last) : (domain.*set)->remove(first, last);
}

u32 vcpu_count(const Domain& domain) {
    u32 count = 0;
    for (u32 i = 0; i < domain.max_vcpus; ++i) count += domain.vcpus[i] != nullptr;
    return count;
}

/// Nodes of the host: it counts as one.
constexpr u64 host_nodes = 1;

} // namespace

Result<> irq_permission(Command& c) {
    const abi::DomctlIrqPermission& args = c.op.u.irq_permission;
    if (!caller_has(&Domain::irqs, args.pirq, args.pirq)) return fail(Error::Perm);
    return change(c.domain, &Domain::irqs, args.pirq, args.pirq, args.allow_access != 0);
}

Result<> iomem_permission(Command& c) {
    const abi::DomctlIomemPermission& args = c.op.u.iomem_permission;
    const u64 last = args.first_mfn + args.nr_mfns - 1;
    if (last < args.first_mfn) return fail(Error::Invalid); // none, or wrapped
    if (!caller_has(&Domain::io_memory, args.first_mfn, last)) return fail(Error::Perm);
    return change(c.domain, &Domain::io_memory, args.first_mfn, last, args.allow_access != 0);
}

Result<> set_node_affinity(Command& c) {
    Bitmap<64> nodes;
    TRY(read_bitmap(c.op.u.nodeaffinity.nodemap, nodes));
    if ((nodes.word(0) & host_nodes) == 0) return fail(Error::Invalid);
    c.domain.node_affinity = nodes.word(0);
    return {};
}

Result<> get_node_affinity(Command& c) {
    Bitmap<64> nodes;
    nodes.set_word(0, c.domain.node_affinity & host_nodes);
    return write_bitmap(c.op.u.nodeaffinity.nodemap, nodes);
}

Result<> virq_handler(Command& c) { return event::set_global_virq_handler(c.domain, c.op.u.set_virq_handler.virq); }

Result<> scheduler(Command& c) {
    abi::DomctlSchedulerOp& args = c.op.u.scheduler_op;
    if (args.sched_id != static_cast<u32>(abi::SchedulerId::Credit2)) return fail(Error::Invalid);
    switch (static_cast<abi::DomctlSchedOp>(args.cmd)) {
    case abi::DomctlSchedOp::GetInfo:
        args.u.credit2 = {.weight = c.domain.weight, .cap = schedule::cap_of(c.domain)};
        c.copy_back = true;
        return {};
    case abi::DomctlSchedOp::PutInfo:
        // As the reference does: the weight takes effect even where the cap is refused.
        if (args.u.credit2.weight != 0) schedule::set_weight(c.domain, args.u.credit2.weight);
        if (args.u.credit2.cap > 100 * vcpu_count(c.domain)) return fail(Error::Invalid);
        return schedule::set_cap(c.domain, args.u.credit2.cap);
    default: return fail(Error::Invalid);
    }
}

} // namespace px::hypercall::domctl_command
