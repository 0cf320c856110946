// SPDX-License-Identifier: Apache-2.0
// Weight and cap of a domain, on the guest's own domain.
#include "abi/domctl.hpp"
#include "lib/micro.hpp"

using namespace micro;
using abi::Errno;
using abi::Hypercall;

namespace {

abi::DomctlSchedCredit2 answer;

long shares(u32 command, abi::DomctlSchedCredit2 value = {}, u32 scheduler = u32(abi::SchedulerId::Credit2)) {
    static abi::Domctl op;
    memset(&op, 0, sizeof op);
    op.cmd = static_cast<u32>(abi::DomctlCommand::SchedulerOp);
    op.interface_version = abi::domctl_interface_version;
    op.domain = 0;
    op.u.scheduler_op.sched_id = scheduler;
    op.u.scheduler_op.cmd = command;
    op.u.scheduler_op.u.credit2 = value;
    const long result = call(Hypercall::Domctl, &op);
    answer = op.u.scheduler_op.u.credit2;
    return result;
}
long get() { return shares(u32(abi::DomctlSchedOp::GetInfo)); }
long put(u16 weight, u16 cap) {
    abi::DomctlSchedCredit2 value;
    value.weight = weight;
    value.cap = cap;
    return shares(u32(abi::DomctlSchedOp::PutInfo), value);
}

} // namespace

MICRO_CASE(weight_and_cap) {
    CHECK_IS(get(), 0);
    observe("weight at start", answer.weight);
    observe("cap at start", answer.cap);
    // More than 100 % for each vCPU (here are two) is refused; the weight of the same call holds.
    const struct {
        u16 weight, cap;
        const char *answer, *state;
    } tries[] = {
        {0, 0, "weight 0, cap 0", "weight, cap after 0, 0"},
        {512, 50, "weight 512, cap 50", "weight, cap after 512, 50"},
        {0, 200, "weight 0, cap 200", "weight, cap after 0, 200"},
        {0, 201, "weight 0, cap 201", "weight, cap after 0, 201"},
        {300, 201, "weight 300, cap 201", "weight, cap after 300, 201"},
        {0, 65535, "weight 0, cap 65535", "weight, cap after 0, 65535"},
        {1, 1, "weight 1, cap 1", "weight, cap after 1, 1"},
        {65535, 100, "weight 65535, cap 100", "weight, cap after 65535, 100"},
        {0, 32768, "weight 0, cap 32768", "weight, cap after 0, 32768"},
        {256, 0, "weight 256, cap 0", "weight, cap after 256, 0"},
    };
    for (const auto& t : tries) {
        observe(t.answer, put(t.weight, t.cap));
        CHECK_IS(get(), 0);
        observe(t.state, s64{answer.weight} * 100000 + answer.cap);
    }
    observe("weight and cap, other scheduler",
            shares(u32(abi::DomctlSchedOp::GetInfo), {}, u32(abi::SchedulerId::Credit)));
    observe("weight and cap, put vcpu info", shares(u32(abi::DomctlSchedOp::PutVcpuInfo)));
    observe("weight and cap, get vcpu info", shares(u32(abi::DomctlSchedOp::GetVcpuInfo)));
    observe("weight and cap, unknown command", shares(4));
}
