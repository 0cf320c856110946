// SPDX-License-Identifier: Apache-2.0
// The handlers behind the tables that are the same on every architecture, one file each. Not all are for all guests:
// common_rows.hpp.
#pragma once

#include "hypercall/call.hpp"

namespace px::hypercall {

Outcome multicall(Call&);
Outcome xen_version(Call&);
Outcome memory_op(Call&);
Outcome sched_op(Call&);
Outcome sched_op_compat(Call&);
Outcome event_channel_op(Call&);
Outcome event_channel_op_compat(Call&);
Outcome grant_table_op(Call&);
Outcome vcpu_op(Call&);
Outcome set_timer_op(Call&);
Outcome console_io(Call&);
Outcome vm_assist(Call&);
Outcome hvm_op(Call&);
Outcome domctl(Call&);
Outcome sysctl(Call&);

} // namespace px::hypercall
