// SPDX-License-Identifier: Apache-2.0
// Segment registers and the state that a context switch moves.
#pragma once

#include "x86/instructions.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

// Loads of guest selectors: false if the CPU refused them (the register then holds what it held).
[[nodiscard]] inline bool load_ds(x86::Selector s) {
    asm goto("1: movl %k0, %%ds" PX_FIXUP("1b", "%l[fault]")::"r"(u32{s.raw()}) : "memory" : fault);
    return true;
fault:
    return false;
}
[[nodiscard]] inline bool load_es(x86::Selector s) {
    asm goto("1: movl %k0, %%es" PX_FIXUP("1b", "%l[fault]")::"r"(u32{s.raw()}) : "memory" : fault);
    return true;
fault:
    return false;
}
[[nodiscard]] inline bool load_fs(x86::Selector s) {
    asm goto("1: movl %k0, %%fs" PX_FIXUP("1b", "%l[fault]")::"r"(u32{s.raw()}) : "memory" : fault);
    return true;
fault:
    return false;
}
[[nodiscard]] inline bool load_gs(x86::Selector s) {
    asm goto("1: movl %k0, %%gs" PX_FIXUP("1b", "%l[fault]")::"r"(u32{s.raw()}) : "memory" : fault);
    return true;
fault:
    return false;
}

/// GS base of the guest mode that is not running (KERNEL_GS_BASE).
inline void write_inactive_gs_base(u64 value) {
    const IrqOff off;
    x86::swapgs();
    x86::wrgsbase(value);
    x86::swapgs();
}
[[nodiscard]] inline u64 read_inactive_gs_base() {
    const IrqOff off;
    x86::swapgs();
    const u64 value = x86::rdgsbase();
    x86::swapgs();
    return value;
}

/// Callback of an abi::CallbackType, null if there is none.
Callback* callback_of(PvVcpu& vcpu, u16 type);

} // namespace px::pv
