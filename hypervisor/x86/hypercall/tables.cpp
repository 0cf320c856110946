// SPDX-License-Identifier: Apache-2.0
// The tables of hypercalls of each kind of guest.
#include "hypercall/common_rows.hpp"
#include "x86/hypercall/rows.hpp"
#include "x86/pv/hypercall_rows.hpp"

namespace px {

constinit const hypercall::Table pv::hypercall_table =
    hypercall::make_table({hypercall::common_rows, hypercall::x86_rows, hypercall::pv_rows});

} // namespace px
