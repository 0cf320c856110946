// SPDX-License-Identifier: Apache-2.0
// The VGA text screen, 80 by 25.
#pragma once

namespace px::x86::vga {

void init();
/// Prints with scrolling. Callers serialise (console lock).
void write(char c);

} // namespace px::x86::vga
