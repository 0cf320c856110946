// SPDX-License-Identifier: Apache-2.0
// The end of a domain: devices, hypervisor, xenstore, files.
#pragma once

#include "domain/session.hpp"

namespace domain {

/// Destroys a domain at once, whoever made it, and removes all that the toolstack kept for it. Goes on after a failed
/// part; the first failure is the result.
Result<void> destroy(Session&, DomId);

/// Removes what is left of a domain that the hypervisor does not know any more, or that was never built completely.
void remove_traces(Session&, DomId, const std::string& vm_path);

} // namespace domain
