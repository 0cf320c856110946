// SPDX-License-Identifier: Apache-2.0
// Changing a running domain: memory, name, requests to its kernel.
#pragma once

#include "domain/session.hpp"

#include <cstdint>
#include <string_view>

namespace domain {

/// Asks the guest to balloon to `kib` and moves the hypervisor's limit along, as libxl does.
Result<void> set_memory_target(Session&, DomId, std::uint64_t kib);

/// Sets the most memory that the domain may ever have, in KiB: the hypervisor's limit and memory/static-max.
Result<void> set_memory_maximum(Session&, DomId, std::uint64_t kib);

/// Changes a domain's name; the new one must be free and must be no number.
Result<void> rename(Session&, DomId, std::string_view name);

/// Writes control/shutdown ("poweroff", "reboot") for the guest to see.
Result<void> request_shutdown(Session&, DomId, std::string_view what);

/// Writes control/sysrq.
Result<void> send_sysrq(Session&, DomId, char letter);

/// Whether the guest says that it answers requests of this kind (control/feature-poweroff, ...).
bool answers(Session&, DomId, std::string_view feature);

/// A size such as "512", "512m", "1g", "65536k" in KiB; without a letter it is MiB.
Result<std::uint64_t> parse_size(std::string_view text);

} // namespace domain
