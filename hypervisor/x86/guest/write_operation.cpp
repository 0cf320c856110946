// SPDX-License-Identifier: Apache-2.0
// Emulated writes: which instructions, what they compute, which flags they set (SDM volume 2).
#include "x86/guest/write_operation.hpp"

#include <bit>

namespace px::guest {

namespace {

using x86::Rflags;
using namespace x86::rflags;
constexpr auto arithmetic = carry | parity | adjust | zero | sign | overflow;

constexpr u64 low_mask(unsigned bytes) { return bytes >= 8 ? ~u64{0} : (u64{1} << 8 * bytes) - 1; }

/// Zero, sign and parity flags of a result.
Rflags result_flags(u64 result, unsigned bytes) {
    result &= low_mask(bytes);
    Rflags flags = result == 0 ? zero : Rflags{};
    if (result >> (8 * bytes - 1) & 1) flags |= sign;
    if (std::popcount(result & 0xff) % 2 == 0) flags |= parity;
    return flags;
}

Rflags add_flags(u64 a, u64 b, unsigned bytes) {
    const u64 mask = low_mask(bytes), sum = (a + b) & mask;
    Rflags flags = result_flags(sum, bytes);
    if (sum < (a & mask)) flags |= carry;
    if ((a ^ b ^ sum) & 0x10) flags |= adjust;
    if (((a ^ sum) & (b ^ sum)) >> (8 * bytes - 1) & 1) flags |= overflow;
    return flags;
}

Rflags subtract_flags(u64 a, u64 b, unsigned bytes) {
    const u64 mask = low_mask(bytes), difference = (a - b) & mask;
    Rflags flags = result_flags(difference, bytes);
    if ((a & mask) < (b & mask)) flags |= carry;
    if ((a ^ b ^ difference) & 0x10) flags |= adjust;
    if (((a ^ b) & (a ^ difference)) >> (8 * bytes - 1) & 1) flags |= overflow;
    return flags;
}

using Kind = WriteOperation::Kind;

/// The operation of the arithmetic group by its number (ModRM.reg of 80 to 83, bits 3 to 5 of the plain opcodes).
std::optional<Kind> arithmetic_kind(unsigned number) {
    switch (number) {
    case 0: return Kind::Add;
    case 1: return Kind::Or;
    case 4: return Kind::And;
    case 5: return Kind::Subtract;
    case 6: return Kind::Xor;
    default: return std::nullopt; // with carry, which no page-table code needs, and compare, which writes nothing
    }
}

std::optional<WriteOperation> from_register(Kind kind, const Instruction& i, x86::Registers& r, unsigned bytes) {
    return WriteOperation{kind, bytes, read_register(r, i, i.reg, bytes), i.reg};
}

std::optional<WriteOperation> from_immediate(Kind kind, const Instruction& i, unsigned bytes) {
    return WriteOperation{kind, bytes, i.immediate & low_mask(bytes)};
}

std::optional<WriteOperation> string(Kind kind, x86::Registers& r, unsigned bytes) {
    return WriteOperation{kind, bytes, r.rax & low_mask(bytes), 0, true};
}

std::optional<WriteOperation> primary(const Instruction& i, x86::Registers& r) {
    // The lowest bit of these opcodes tells bytes from words.
    const unsigned bytes = i.opcode & 1 ? i.operand_bytes() : 1;
    if (i.opcode < 0x40 && (i.opcode & 6) == 0) {
        const auto kind = arithmetic_kind(i.opcode >> 3);
        return kind ? from_register(*kind, i, r, bytes) : std::nullopt;
    }
    switch (i.opcode) {
    case 0x80:
    case 0x81: {
        const auto kind = arithmetic_kind(i.extension());
        return kind ? from_immediate(*kind, i, bytes) : std::nullopt;
    }
    case 0x83: {
        const auto kind = arithmetic_kind(i.extension());
        return kind ? from_immediate(*kind, i, i.operand_bytes()) : std::nullopt;
    }
    case 0x86:
    case 0x87: return from_register(Kind::Exchange, i, r, bytes);
    case 0x88:
    case 0x89: return from_register(Kind::Move, i, r, bytes);
    case 0xc6:
    case 0xc7: return i.extension() == 0 ? from_immediate(Kind::Move, i, bytes) : std::nullopt;
    case 0xaa:
    case 0xab: return string(Kind::StoreString, r, bytes);
    case 0xa4:
    case 0xa5: return string(Kind::MoveString, r, bytes);
    default: return std::nullopt;
    }
}

/// Bit instructions with a register offset reach beyond the operand; only offsets inside it are handled.
std::optional<WriteOperation> bit(Kind kind, const Instruction& i, u64 offset) {
    const unsigned bytes = i.operand_bytes();
    if (offset >= u64{8} * bytes) return std::nullopt;
    return WriteOperation{kind, bytes, offset};
}

std::optional<WriteOperation> two_byte(const Instruction& i, x86::Registers& r) {
    const unsigned bytes = i.opcode & 1 ? i.operand_bytes() : 1;
    const u64 offset = read_register(r, i, i.reg, i.operand_bytes());
    switch (i.opcode) {
    case 0xb0:
    case 0xb1: return from_register(Kind::CompareExchange, i, r, bytes);
    case 0xc0:
    case 0xc1: return from_register(Kind::ExchangeAdd, i, r, bytes);
    case 0xc3: return from_register(Kind::Move, i, r, i.operand_bytes()); // movnti
    case 0xab: return bit(Kind::BitSet, i, offset);
    case 0xb3: return bit(Kind::BitReset, i, offset);
    case 0xbb: return bit(Kind::BitComplement, i, offset);
    case 0xba: {
        const u64 immediate = i.immediate & (8 * i.operand_bytes() - 1);
        if (i.extension() == 5) return bit(Kind::BitSet, i, immediate);
        if (i.extension() == 6) return bit(Kind::BitReset, i, immediate);
        if (i.extension() == 7) return bit(Kind::BitComplement, i, immediate);
        return std::nullopt;
    }
    default: return std::nullopt;
    }
}

} // namespace

std::optional<WriteOperation> write_operation(const Instruction& i, x86::Registers& r) {
    std::optional<WriteOperation> operation;
    if (i.map == OpcodeMap::Primary) operation = primary(i, r);
    if (i.map == OpcodeMap::TwoByte) operation = two_byte(i, r);
    if (!operation || (operation->is_string ? i.address_size_prefix : !i.is_memory)) return std::nullopt;
    return operation;
}

WriteOperation::Outcome WriteOperation::apply(u64 old, x86::Registers& r) {
    old_value = old;
    changed_flags = arithmetic;
    switch (kind) {
    case Kind::Move:
    case Kind::MoveString:
    case Kind::StoreString:
    case Kind::Exchange: changed_flags = {}; return {true, value};
    case Kind::CompareExchange: {
        const u64 expected = r.rax & low_mask(bytes);
        flags = subtract_flags(expected, old, bytes);
        return {expected == old, value};
    }
    case Kind::Add:
    case Kind::ExchangeAdd: flags = add_flags(old, value, bytes); return {true, old + value};
    case Kind::Subtract: flags = subtract_flags(old, value, bytes); return {true, old - value};
    case Kind::Or: flags = result_flags(old | value, bytes); return {true, old | value};
    case Kind::And: flags = result_flags(old & value, bytes); return {true, old & value};
    case Kind::Xor: flags = result_flags(old ^ value, bytes); return {true, old ^ value};
    case Kind::BitSet:
    case Kind::BitReset:
    case Kind::BitComplement: break;
    }
    const u64 one = u64{1} << value;
    changed_flags = carry;
    flags = old & one ? carry : Rflags{};
    if (kind == Kind::BitComplement) return {true, old ^ one};
    return {true, kind == Kind::BitSet ? old | one : old & ~one};
}

void WriteOperation::finish(const Instruction& i, x86::Registers& r) const {
    if (kind == Kind::Exchange || kind == Kind::ExchangeAdd) write_register(r, i, reg, bytes, old_value);
    if (kind == Kind::CompareExchange && !flags.has(zero))
        write_register(r, Instruction{.rex = 0x40}, 0, bytes, old_value);
    r.rflags = r.rflags.without(changed_flags) | (flags & changed_flags);
    if (is_string) {
        const u64 step = r.rflags.has(direction) ? ~u64{0} * bytes : bytes;
        r.rdi += step;
        if (kind == Kind::MoveString) r.rsi += step;
        // One round of a repeated one: the guest executes the instruction again for the rest.
        if (i.repeat != 0 && --r.rcx != 0) return;
    }
    r.rip += i.length;
}

} // namespace px::guest
