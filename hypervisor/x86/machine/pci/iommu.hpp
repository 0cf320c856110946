// SPDX-License-Identifier: Apache-2.0
// I/O memory management units: what is asked for, and whether it can be had.
#pragma once

namespace px::x86 {

/// Panics where the command line demands an IOMMU, which nothing here drives yet.
void check_iommu();

} // namespace px::x86
