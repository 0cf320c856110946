// SPDX-License-Identifier: Apache-2.0
// The console as the portable parts see it: ring, input, debug keys. The machine implements it.
#pragma once

#include "base/log.hpp"
#include "base/number.hpp"

#include <span>
#include <string_view>

namespace px::console {

/// XEN_SYSCTL_readconsole. Positions count characters since boot (mod 2^32).
/// First and one past the last character that the ring holds and that were not cleared.
struct RingRange {
    u32 start, end;
};
[[nodiscard]] RingRange ring_range();
/// Copies characters from `position` on; moves it on, over what was overwritten meanwhile too. Returns how many.
[[nodiscard]] u32 read_ring(u32& position, std::span<char> out);
/// Forgets all before `position`.
void clear_ring(u32 position);

/// Debug keys: pressed on the serial console, or sent by XEN_SYSCTL_debug_keys. Handlers run with interrupts on and no
/// lock held. Registering a key again replaces it.
void register_key(char key, const char* description, void (*handler)());
void handle_key(char key);

/// Characters typed for dom0 (console_io read).
[[nodiscard]] u32 read_input(std::span<char> out);
/// dom0's own output, as it is.
void write_raw(std::string_view text);

} // namespace px::console
