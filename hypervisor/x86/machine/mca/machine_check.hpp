// SPDX-License-Identifier: Apache-2.0
// Machine checks: exceptions, polling of the banks, and what becomes of who is hit.
#pragma once

#include "abi/extra/mca.hpp"
#include "x86/registers.hpp"

namespace px::x86::mca {

/// Boot CPU, once softirqs and timers run: what the CPU can do, and polling.
void init();
/// Each CPU, after init(): notes what its banks hold from before the start, switches all errors on.
void init_cpu();
/// A machine-check exception. Interrupts off. Does not come back when it is the end of the host. From a guest, it is to
/// go on to the soft interrupts before that guest runs again.
void handle(const Registers& r);
/// What exceptions have left that interrupted the hypervisor. From the event check's interrupt.
void raise_for_records();

/// Reports for dom0 (report.hpp); urgent ones are of errors that the CPU did not correct. False: there is none.
[[nodiscard]] bool fetch(bool urgent, abi::McInfo& report, u64& number);
void put_back(bool urgent, u64 number);
void acknowledge(bool urgent, u64 number);

} // namespace px::x86::mca
