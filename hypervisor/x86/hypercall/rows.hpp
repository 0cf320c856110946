// SPDX-License-Identifier: Apache-2.0
// The hypercalls of every guest on x86.
#pragma once

#include "hypercall/table.hpp"

namespace px::hypercall {

Outcome platform_op(Call&);
Outcome physdev_op(Call&);
Outcome mca(Call&);
Outcome xenpmu_op(Call&);

inline constexpr Row x86_rows[] = {
    {abi::Hypercall::PlatformOp, "platform_op", platform_op, Restarts::Maybe},
    {abi::Hypercall::PhysdevOp, "physdev_op", physdev_op},
    {abi::Hypercall::XenpmuOp, "xenpmu_op", xenpmu_op},
    {abi::Hypercall::Mca, "mca", mca},
};

} // namespace px::hypercall
