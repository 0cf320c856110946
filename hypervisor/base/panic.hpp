// SPDX-License-Identifier: Apache-2.0
// Stopping the host: only where going on could leak or corrupt.
#pragma once

#include "base/format.hpp"

namespace px {

/// Prints the reason, registers and a symbolised backtrace, then reboots (after 5 s unless `noreboot`).
/// Host tests: throws or aborts.
[[noreturn]] void panic_with(const char* message);

/// panic("bad {}", x)
template <class... Args> [[noreturn]] void panic(const char* format, const Args&... args) {
    char text[256];
    format_to(text, format, args...);
    panic_with(text);
}

} // namespace px

/// An invariant of our own code (never of a guest's input). No side effects inside.
#define PX_ASSERT(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition)) [[unlikely]]                                                                                 \
            ::px::panic_with("assertion failed: " #condition " (" __FILE__ ")");                                       \
    } while (0)
