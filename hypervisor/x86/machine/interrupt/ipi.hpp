// SPDX-License-Identifier: Apache-2.0
// What the dispatcher calls when another CPU has interrupted this one.
#pragma once

namespace px::machine {

/// Does what other CPUs have asked this one for (vector::flush_tlb, vector::call_function). Interrupts off.
void serve_flushes();
void serve_calls();

} // namespace px::machine
