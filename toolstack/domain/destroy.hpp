// SPDX-License-Identifier: Apache-2.0
// The end of a domain: devices, hypervisor, xenstore, files.
#pragma once

#include "domain/session.hpp"

namespace domain {

/// Destroys a domain at once, whoever made it, and removes all that the toolstack kept for it; returns when the
/// hypervisor does not know it any more, or it only waits for others to let go of its memory. Goes on after a failed
/// part; the first failure is the result. Ctrl-C does not stop it. What fails is written down for the next one who
/// comes, unless the caller has done so (`noted`).
Result<void> destroy(Session&, DomId, bool noted = false);

/// Ends a domain in the hypervisor. Its pages that others have mapped live on until they let go, and the domain stays
/// on the list, dying, as long.
Result<void> end_domain(xen::Control&, DomId);

/// Waits for that, some seconds at most, so that a domain that is made next finds the memory: tells so, and no failure.
void await_end(Session&, DomId);

/// Removes what is left of a domain that the hypervisor does not know any more, or that was never built completely.
/// The node of its UUID stays where another domain has that by now. Errors: the store does not answer.
Result<void> remove_traces(Session&, DomId, const std::string& vm_path);

} // namespace domain
