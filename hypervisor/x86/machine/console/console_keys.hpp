// SPDX-License-Identifier: Apache-2.0
// Debug keys of the machine itself.
#pragma once

namespace px::console {

/// 'R' reboot, 'd' registers, 'm' memory, 't' clocks...: those that no other part registers.
void init_keys();

} // namespace px::console
