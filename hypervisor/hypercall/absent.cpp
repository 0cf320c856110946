// SPDX-License-Identifier: Apache-2.0
// Hypercalls whose feature is not built in: they answer as Xen does then.
#include "hypercall/handlers.hpp"

namespace px::hypercall {

Outcome xsm_op(Call&) { return Outcome::error(Error::NoSys); }
Outcome hypfs_op(Call&) { return Outcome::error(Error::NoSys); }
Outcome kexec_op(Call&) { return Outcome::error(Error::NoSys); }

} // namespace px::hypercall
