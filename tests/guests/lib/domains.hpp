// SPDX-License-Identifier: Apache-2.0
// Domains that a case makes as dom0: most never run, but they own frames.
#pragma once

#include "abi/domctl.hpp"
#include "lib/memory.hpp"

namespace micro {

/// A control operation on a domain, repeated while the hypervisor says that there is more to do.
long domctl(abi::DomctlCommand command, u16 domain, abi::Domctl& op);
/// createdomain with one vCPU, one frame of grants and that number.
long create_domain(u16 number);
/// The same, which must go well, with `frames` frames as its limit.
void make_domain(u16 number, u64 frames);
long destroy_domain(u16 number);
/// Waits (at most some seconds) until nothing has that number any more; true when it is so.
bool is_gone(u16 number);
/// A fresh frame of the domain's memory; 0: refused.
u64 populate(u16 number);
/// The frame of the domain's grant table.
u64 grant_frame(u16 number);
/// Binds a vCPU 0 to one CPU.
long pin_vcpu(u16 number, u32 cpu);
/// Lets a domain that was just made, of at least 6 frames, run: its only vCPU counts, on that CPU, in the first word of
/// a frame, which is returned.
u64 run_counter(u16 number, u32 cpu);
/// update_va_mapping that names the owner of the frame.
long update_va_of(u16 owner, const void* address, u64 entry, u64 flags = abi::uvmf_invlpg);

} // namespace micro
