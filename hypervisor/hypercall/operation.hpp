// SPDX-License-Identifier: Apache-2.0
// Sub-operations whose argument is the address of one structure of the caller's.
#pragma once

#include "domain/guest_pointer.hpp"

namespace px::hypercall {

/// Reads the structure, works on it, writes it back on success. Errors: Fault, or the work's.
template <class Op> Result<> with_result(u64 address, Result<> (*work)(Op&)) {
    GuestPointer<Op> pointer(address);
    Op op = TRY(pointer.read());
    TRY(work(op));
    return pointer.write(op);
}
/// The same for a structure without fields for answers.
template <class Op> Result<> without_result(u64 address, Result<> (*work)(Op&)) {
    Op op = TRY(GuestPointer<Op>(address).read());
    return work(op);
}

} // namespace px::hypercall
