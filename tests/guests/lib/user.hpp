// SPDX-License-Identifier: Apache-2.0
// A user mode for cases: an address space with one page of code and one of stack.
#pragma once

#include "lib/micro.hpp"

extern "C" {
/// As enter_user, with the selectors of the mode that is wanted.
void enter_user_by(uint64_t rip, uint64_t rsp, uint64_t cs, uint64_t ss);
extern char syscall32_entry[], sysenter_entry[];
}

namespace micro {

/// While it lives, user mode has a copy of `code` at code_address and a stack that ends at stack_address.
class UserSpace {
  public:
    static constexpr u64 code_address = 0x400000, stack_address = 0x402000;

    UserSpace(const u8* code, unsigned bytes);
    ~UserSpace();
    UserSpace(const UserSpace&) = delete;
    UserSpace& operator=(const UserSpace&) = delete;

    [[nodiscard]] u64* top() const { return top_; }     ///< the L4 table, pinned
    [[nodiscard]] u64* stack() const { return stack_; } ///< the page below stack_address, which user mode can write

  private:
    u64 *top_, *stack_;
};

} // namespace micro
