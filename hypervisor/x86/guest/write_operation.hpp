// SPDX-License-Identifier: Apache-2.0
// What an instruction that writes memory does with the old value: pure, for emulated writes.
#pragma once

#include "x86/arch/flags.hpp"
#include "x86/guest/decode.hpp"

namespace px::guest {

/// An instruction that writes 1 to 8 bytes of memory, its register and immediate operands read.
struct WriteOperation {
    enum class Kind : u8 {
        Move,
        MoveString,
        StoreString,
        Exchange,
        CompareExchange,
        Add,
        Or,
        And,
        Subtract,
        Xor,
        ExchangeAdd,
        BitSet,
        BitReset,
        BitComplement
    };
    struct Outcome {
        bool writes = false;
        u64 value = 0; ///< new contents of the operand
    };

    Kind kind = Kind::Move;
    unsigned bytes = 0;
    u64 value = 0;          ///< source operand
    unsigned reg = 0;       ///< register that gets the old value (exchange)
    bool is_string = false; ///< the operand is at rdi

    /// New value for an old one; results in registers and flags are noted for finish().
    Outcome apply(u64 old, x86::Registers& r);
    /// Commits registers and flags and moves rip on, once the write was allowed.
    void finish(const Instruction& i, x86::Registers& r) const;

    // Between apply() and finish():
    u64 old_value = 0;
    x86::Rflags flags; ///< new arithmetic flags, of those that change
    x86::Rflags changed_flags;
};

/// The operation of an instruction with a memory destination, or nothing for instructions that are not handled.
[[nodiscard]] std::optional<WriteOperation> write_operation(const Instruction& i, x86::Registers& r);

} // namespace px::guest
