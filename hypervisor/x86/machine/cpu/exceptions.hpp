// SPDX-License-Identifier: Apache-2.0
// The interrupt descriptor table and what happens on an exception.
#pragma once

#include "x86/registers.hpp"

namespace px::x86::exceptions {

/// Interrupt stacks, at the bottom of the stack block (numbers here are those of a gate, from 1; cpu.cpp places them).
inline constexpr u8 ist_nmi = 1, ist_double_fault = 2, ist_machine_check = 3, ist_debug = 4;

void init_table();
void load_table();
/// Where the table is: a page of its own.
[[nodiscard]] const void* table_address();
/// Sends `vector` to `handler` instead of the common stub. dpl 3: guests may use it with `int`.
void set_gate(u8 vector, void (*handler)(), u8 dpl);
/// Called on each NMI; true: it was expected. Boot only.
void set_nmi_handler(bool (*handler)(Registers&));
/// Says which NMIs have interrupted the hypervisor on this CPU. From the event check's interrupt.
void report_nmis();
/// Name of an exception, for messages.
const char* name_of(u32 vector);

} // namespace px::x86::exceptions
