// SPDX-License-Identifier: Apache-2.0
// Domains as owners of frames: what the frame code asks of them.
#include "memory/owner.hpp"

#include "domain/domain_list.hpp"

namespace px::owner {

void frames_left(DomId domain, u64 count) {
    // Most frames are freed by their own domain: then it need not be looked up.
    if (Vcpu* vcpu = current_or_null(); vcpu && vcpu->domain.id == domain) vcpu->domain.frames_left(count);
    else if (DomainRef found = find_domain(domain)) found->frames_left(count);
}

const Domain* if_current(DomId domain) {
    const Vcpu* vcpu = current_or_null();
    return vcpu && vcpu->domain.id == domain ? &vcpu->domain : nullptr;
}

} // namespace px::owner
