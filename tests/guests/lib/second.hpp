// SPDX-License-Identifier: Apache-2.0
// A second vCPU for cases about races. It has no guarded calls: what it runs must not trap.
#pragma once

namespace micro {

/// What the second vCPU runs each time it comes up; it goes down again afterwards. Null: nothing.
extern void (*second_work)();
/// How often the second vCPU finished its work.
extern volatile unsigned second_runs;
/// VCPUOP_initialise of the second vCPU with the context that runs its loop: the hypervisor's answer.
long initialise_second();
/// The same of any vCPU, which is not to be brought up.
long initialise_vcpu(unsigned vcpu);
/// Starts the second vCPU with some work; false on a machine with one vCPU.
bool start_second(void (*work)());
/// Waits (at most some seconds) until the second vCPU is down; true when it is.
bool second_is_down();

} // namespace micro
