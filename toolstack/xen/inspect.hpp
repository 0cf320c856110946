// SPDX-License-Identifier: Apache-2.0
// Looking into a domain that exists: registers of its vCPUs, which of its frames hold memory (public/domctl.h,
// memory.h).
#pragma once

#include "abi/domctl.hpp"
#include "xen/control.hpp"
#include "xen/numbers.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace xen {

/// Registers of a vCPU; ENODATA or EINVAL for one that was never started.
[[nodiscard]] Result<std::unique_ptr<abi::VcpuGuestContext>> vcpu_context(Control const&, DomId, unsigned vcpu);

/// The greatest guest frame that a domain uses.
[[nodiscard]] Result<std::uint64_t> greatest_frame(Control const&, DomId);

/// Replaces each frame number by its page type (abi::pfinfo_*); xtab where there is no memory. At most 1024 at a time.
inline constexpr std::size_t most_page_types = 1024;
[[nodiscard]] Result<> page_types(Control const&, DomId, HypercallBuffer<std::uint64_t> const& frames,
                                  std::size_t count);

} // namespace xen
