// SPDX-License-Identifier: Apache-2.0
// Debug keys that tell about domains.
#pragma once

namespace px {

void register_domain_keys();

} // namespace px
