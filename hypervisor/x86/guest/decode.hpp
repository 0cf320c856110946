// SPDX-License-Identifier: Apache-2.0
// Instruction decoder for what paravirtual guests need emulated: boundaries, operands, effective address. Pure.
#pragma once

#include "base/number.hpp"
#include "x86/registers.hpp"

#include <optional>
#include <span>

namespace px::guest {

/// Longest instruction (SDM 2A 2.3.11).
inline constexpr unsigned max_instruction_bytes = 15;

enum class CodeSize : u8 { Bits32, Bits64 };
enum class OpcodeMap : u8 { Primary, TwoByte, Map38, Map3A };
/// Segment a memory operand is addressed through; Default: DS or SS, whose bases are 0 in 64-bit mode.
enum class SegmentOverride : u8 { Default, Es, Cs, Ss, Ds, Fs, Gs };

/// A decoded instruction. Register numbers include the REX bits (0 rax, 1 rcx, ... 15 r15).
struct Instruction {
    static constexpr u8 no_register = 0xff;

    u8 length = 0;
    OpcodeMap map = OpcodeMap::Primary;
    u8 opcode = 0;
    u8 rex = 0; ///< 0: none
    CodeSize code = CodeSize::Bits64;
    bool operand_size_prefix = false, address_size_prefix = false, lock = false;
    u8 repeat = 0; ///< 0, 0xf2 or 0xf3
    SegmentOverride segment = SegmentOverride::Default;

    bool has_modrm = false;
    bool is_memory = false; ///< ModRM's r/m is memory (or an absolute address, A0 to A3)
    u8 reg = 0;             ///< ModRM.reg, or the register in the opcode's low bits where there is no ModRM
    u8 rm = 0;              ///< ModRM.rm when it is a register
    u8 base = no_register, index = no_register, scale = 0;
    bool is_rip_relative = false;
    s64 displacement = 0;

    u8 immediate_bytes = 0;
    u64 immediate = 0; ///< sign-extended

    [[nodiscard]] constexpr bool rex_w() const { return (rex & 8) != 0; }
    /// ModRM.reg as an opcode extension, without REX.R.
    [[nodiscard]] constexpr u8 extension() const { return reg & 7; }
    /// Bytes of an operand whose size follows the prefixes (2, 4 or 8).
    [[nodiscard]] constexpr unsigned operand_bytes() const { return rex_w() ? 8 : operand_size_prefix ? 2 : 4; }
    [[nodiscard]] constexpr u64 address_mask() const {
        return (code == CodeSize::Bits64) != address_size_prefix ? ~u64{0} : 0xffffffff;
    }
};

/// Decodes one instruction. Nothing if the bytes end too early (then fetch more), or for encodings that are not
/// handled (VEX, EVEX, far pointers of 64-bit mode, 16-bit addressing).
[[nodiscard]] std::optional<Instruction> decode(std::span<const u8> bytes, CodeSize code);

/// General register by number; 4 is rsp.
[[nodiscard]] u64& register_of(x86::Registers& registers, unsigned number);
/// Value of a register operand of 1, 2, 4 or 8 bytes; without REX the 1-byte registers 4 to 7 are ah, ch, dh, bh.
[[nodiscard]] u64 read_register(x86::Registers& registers, const Instruction& i, unsigned number, unsigned bytes);
/// Writes it as the CPU does: 4 bytes clear the upper half, 1 and 2 leave the rest.
void write_register(x86::Registers& registers, const Instruction& i, unsigned number, unsigned bytes, u64 value);
/// Offset of the memory operand in its segment (the segment's base is not added).
[[nodiscard]] u64 effective_address(x86::Registers& registers, const Instruction& i);

} // namespace px::guest
