// SPDX-License-Identifier: Apache-2.0
// A paravirtual domain on fake memory: the shipped page-type code runs on it, the rest is stubs.
#pragma once

#include "memory/fake_memory.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::fake {

/// Makes hypercall::should_preempt() say yes, or no.
void set_preempted(bool yes);

/// A domain with vCPUs and an array of owned regions; it has no frames yet.
class Guest {
  public:
    Guest(u16 id, unsigned vcpus);
    ~Guest();
    pv::PvDomain domain;
    pv::PvVcpu& vcpu(unsigned n) { return static_cast<pv::PvVcpu&>(*domain.vcpus[n]); }
    /// A zeroed frame of the heap that now belongs to it.
    Frame& give_frame();
};

} // namespace px::fake
