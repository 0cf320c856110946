// SPDX-License-Identifier: Apache-2.0
// Panics with what the machine knows: registers and backtrace.
#pragma once

#include "base/panic.hpp"
#include "x86/registers.hpp"

namespace px::x86 {

/// more: prints what else is known, after the registers.
[[noreturn]] void panic_with_registers(const Registers& registers, const char* reason, void (*more)() = nullptr);
/// Prints registers and call trace of a frame in the hypervisor.
void print_registers(const Registers& registers);
/// Another CPU panics: this one shall stop (seen in NMIs).
[[nodiscard]] bool stop_requested();
[[noreturn]] void stop_this_cpu();

} // namespace px::x86
