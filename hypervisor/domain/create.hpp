// SPDX-License-Identifier: Apache-2.0
// Inner steps of a domain's beginning and end, for domain/ itself.
#pragma once

#include "domain/domain_list.hpp"

namespace px {

/// Boot: the idle domain, the owners of memory without one (DOMID_XEN, DOMID_IO), the domain list.
void init_domains();
/// Boot: what frees dead domains.
void init_domain_list();
/// Gives back an id that was reserved and not used.
void cancel_domain_id(DomId id);
/// Drops one reference; with the last the domain is freed, later, by a soft interrupt. Any context.
void release_domain(Domain& domain);
/// Frees a domain without references: takes it off the list, then its vCPUs, tables and itself.
void free_domain(Domain& domain);

/// Makes the parts of a new domain that every kind has. Errors: NoMemory and those of the parts.
Result<> make_domain_parts(Domain& domain);

} // namespace px
