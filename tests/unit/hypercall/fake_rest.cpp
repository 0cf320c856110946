// SPDX-License-Identifier: Apache-2.0
// What domains and vCPUs call and these tests do not look at.
#include "domain/event/channels.hpp"
#include "domain/run/schedule.hpp"
#include "machine/machine.hpp"

#include <stdexcept>

namespace px {

void send_guest_virq(Vcpu&, abi::Virq) {}
void send_global_virq(abi::Virq) {}
Result<> event::send(Domain&, Port) { return {}; }
[[noreturn]] void machine::power_off() { throw std::runtime_error("power off"); }
[[noreturn]] void machine::reboot() { throw std::runtime_error("reboot"); }
void schedule::update(Vcpu&) {}
void schedule::read_runstate(const Vcpu& vcpu, abi::VcpuRunstateInfo& out) { out = vcpu.runstate; }

} // namespace px
