// SPDX-License-Identifier: Apache-2.0
// vm_assist: behaviours that a guest asks for.
#include "abi/pv.hpp"
#include "hypercall/handlers.hpp"

namespace px::hypercall {

Outcome vm_assist(Call& call) {
    const u32 command = static_cast<u32>(call.args[0]), type = static_cast<u32>(call.args[1]);
    if (type >= 64 || (abi::vm_assist_valid >> type & 1) == 0) return Outcome::error(Error::Invalid);
    Domain& domain = current_domain();
    Guard guard(domain.lock);
    switch (static_cast<abi::VmAssistCommand>(command)) {
    case abi::VmAssistCommand::Enable: domain.vm_assist |= u64{1} << type; return Outcome::of(0);
    case abi::VmAssistCommand::Disable: domain.vm_assist &= ~(u64{1} << type); return Outcome::of(0);
    }
    return Outcome::error(Error::NoSys);
}

} // namespace px::hypercall
