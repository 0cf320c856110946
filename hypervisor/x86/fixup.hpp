// SPDX-License-Identifier: Apache-2.0
// Instructions that may fault: where the hypervisor goes on when they do.
#pragma once

#include "base/number.hpp"

namespace px::x86 {

/// One entry of section .fixups: an exception with this rip, in ring 0, continues at `resume`.
struct Fixup {
    u64 fault;
    u64 resume;
};

/// Address to continue at after a fault at rip, or 0 if a fault there is a bug.
[[nodiscard]] u64 find_fixup(u64 rip);

} // namespace px::x86

/// For inline assembly: the instruction at label FAULT may fault, then execution goes on at label RESUME. With asm
/// goto: `asm goto("1: rdmsr\n" PX_FIXUP("1b", "%l[fault]") : ... :: fault);`
#define PX_FIXUP(fault, resume)                                                                                        \
    "\n.pushsection .fixups,\"a?\",@progbits\n.balign 8\n.quad " fault ", " resume "\n.popsection\n"
