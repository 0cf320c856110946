// SPDX-License-Identifier: Apache-2.0
// Values worth trying as arguments of hypercalls: the guest's pages, its tables, frames of others, edges of numbers.
#pragma once

#include "lib/micro.hpp"

namespace micro::fuzz {

/// Random numbers of one seed.
class Dice {
  public:
    explicit Dice(u64 seed) : state_((seed + 77) * 0xd1342543de82ef95) {}
    u64 raw();
    u64 below(u64 limit) { return raw() % limit; }
    /// A value of any kind.
    u64 any();

  private:
    u64 state_;
};

/// Learns what this guest has; once, before anything else.
void prepare();
/// Gives pages whose mapping was lost their frame again, as far as that is allowed.
void repair(Dice& d);
/// A page of the guest's that nothing depends on.
u64* page(Dice& d);
/// A page that requests are built in; `n` is below 5.
u64* scratch(unsigned vcpu, unsigned n);
bool is_scratch(const void* p);
/// An address whose mapping may change: one of the spare pages, or outside the kernel's image.
bool is_spare(u64 address);
/// A machine frame: the guest's, one of its tables, the hypervisor's, or none.
u64 frame(Dice& d);
/// Machine address of a page-table entry that the guest can spare.
u64 spare_entry(Dice& d);
/// A page-table entry.
u64 entry_value(Dice& d);
/// Keeps a result: it may be a handle, a port or a domain worth using again.
void remember(Dice& d, long result);

} // namespace micro::fuzz
