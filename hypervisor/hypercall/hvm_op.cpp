// SPDX-License-Identifier: Apache-2.0
// hvm_op: operations of and on hardware-assisted guests. There are none: each refuses as it does for a paravirtual
// domain.
#include "abi/hvm.hpp"
#include "domain/domain_list.hpp"
#include "domain/guest_pointer.hpp"
#include "hypercall/handlers.hpp"

namespace px::hypercall {

namespace {

Result<> parameter(u64 address) {
    const auto op = TRY(GuestPointer<abi::HvmParam>(address).read());
    if (op.index >= abi::hvm_nr_params) return fail(Error::Invalid);
    (void)TRY(find_domain_or_self(op.domid));
    return fail(Error::Invalid);
}

Result<> memory_type(u64 address) {
    const auto op = TRY(GuestPointer<abi::HvmGetMemType>(address).read());
    (void)TRY(find_domain_or_self(op.domid));
    return fail(Error::Invalid);
}

} // namespace

Outcome hvm_op(Call& call) {
    switch (static_cast<abi::HvmOp>(static_cast<u32>(call.args[0]))) {
    case abi::HvmOp::SetParam:
    case abi::HvmOp::GetParam: return Outcome::of(parameter(call.args[1]));
    case abi::HvmOp::GetMemType: return Outcome::of(memory_type(call.args[1]));
    case abi::HvmOp::SetEvtchnUpcallVector:
    case abi::HvmOp::FlushTlbs:
    case abi::HvmOp::GuestRequestVmEvent:
    case abi::HvmOp::PagetableDying: return Outcome::error(Error::Invalid);
    default: return Outcome::error(Error::NoSys);
    }
}

} // namespace px::hypercall
