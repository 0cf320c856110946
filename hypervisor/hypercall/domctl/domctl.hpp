// SPDX-License-Identifier: Apache-2.0
// The commands of domctl, one file for each group. All are called by a privileged domain, one at a time.
#pragma once

#include "domain/domain_list.hpp"
#include "domain/guest_pointer.hpp"
#include "hypercall/call.hpp"

namespace px::hypercall::domctl_command {

/// A command under way. `op` goes back to the caller when copy_back is set.
struct Command {
    abi::Domctl& op;
    Domain& domain;
    bool copy_back = false;
};

// domctl/life.cpp
Result<> create_domain(abi::Domctl& op);
Result<> destroy(Command& c);
Result<> pause(Command& c);
Result<> unpause(Command& c);
Result<> resume(Command& c);
Result<> max_vcpus(Command& c);
Result<> max_mem(Command& c);
Result<> set_handle(Command& c);
Result<> set_time_offset(Command& c);
Result<> subscribe(Command& c);
// domctl/vcpu.cpp
Result<> set_context(Command& c);
Result<> get_context(Command& c);
Result<> vcpu_info(Command& c);
Result<> set_affinity(Command& c);
Result<> get_affinity(Command& c);
Result<> send_trigger(Command& c);
// domctl/rights.cpp
Result<> irq_permission(Command& c);
Result<> iomem_permission(Command& c);
Result<> set_node_affinity(Command& c);
Result<> get_node_affinity(Command& c);
Result<> virq_handler(Command& c);
Result<> scheduler(Command& c);
// domctl/info.cpp
/// What getdomaininfo and getdomaininfolist say of a domain.
abi::DomctlGetDomainInfo information(const Domain& domain);

} // namespace px::hypercall::domctl_command
