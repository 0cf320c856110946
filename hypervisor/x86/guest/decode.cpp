// SPDX-License-Identifier: Apache-2.0
// The decoder: prefixes, opcode maps, ModRM and SIB, immediates (SDM volume 2, chapter 2 and appendix A).
#include "x86/guest/decode.hpp"

namespace px::guest {

namespace {

/// What follows an opcode.
enum class Follows : u8 {
    Nothing,
    Byte,
    Word,
    WordByte,
    Operand, ///< immediates; Operand: 2 or 4 bytes by prefix
    Full,    ///< up to 8 bytes (B8 to BF)
    Offset,  ///< absolute address (A0 to A3)
    Bad,
};

struct Shape {
    bool modrm;
    Follows follows;
};

constexpr Shape plain(Follows f = Follows::Nothing) { return {false, f}; }
constexpr Shape with_modrm(Follows f = Follows::Nothing) { return {true, f}; }

constexpr Shape primary_low(u8 op) { // 00 to 3f: eight arithmetic operations
    switch (op & 7) {
    case 4: return plain(Follows::Byte);
    case 5: return plain(Follows::Operand);
    case 6:
    case 7: return plain();
    default: return with_modrm();
    }
}

constexpr Shape primary_middle(u8 op) { // 60 to 8f
    switch (op) {
    case 0x63: return with_modrm();
    case 0x68: return plain(Follows::Operand);
    case 0x69: return with_modrm(Follows::Operand);
    case 0x6a: return plain(Follows::Byte);
    case 0x6b: return with_modrm(Follows::Byte);
    case 0x62: return plain(Follows::Bad);
    case 0x81: return with_modrm(Follows::Operand);
    case 0x80:
    case 0x82:
    case 0x83: return with_modrm(Follows::Byte);
    default: break;
    }
    if (op >= 0x84) return with_modrm();
    return plain(op >= 0x70 ? Follows::Byte : Follows::Nothing);
}

constexpr Shape primary_high(u8 op, u8 extension) { // 90 to ff
    if (op >= 0xa0 && op <= 0xa3) return plain(Follows::Offset);
    if (op >= 0xb0 && op <= 0xb7) return plain(Follows::Byte);
    if (op >= 0xb8 && op <= 0xbf) return plain(Follows::Full);
    if (op >= 0xd0 && op <= 0xd3) return with_modrm();
    if (op >= 0xd8 && op <= 0xdf) return with_modrm();
    if (op >= 0xe0 && op <= 0xe7) return plain(Follows::Byte);
    switch (op) {
    case 0xa8:
    case 0xcd:
    case 0xd4:
    case 0xd5:
    case 0xeb: return plain(Follows::Byte);
    case 0xa9:
    case 0xe8:
    case 0xe9: return plain(Follows::Operand);
    case 0xc0:
    case 0xc1:
    case 0xc6: return with_modrm(Follows::Byte);
    case 0xc7: return with_modrm(Follows::Operand);
    case 0xc2:
    case 0xca: return plain(Follows::Word);
    case 0xc8: return plain(Follows::WordByte);
    case 0x9a:
    case 0xea:
    case 0xc4:
    case 0xc5: return plain(Follows::Bad); // far pointers and VEX
    case 0xf6: return with_modrm(extension < 2 ? Follows::Byte : Follows::Nothing);
    case 0xf7: return with_modrm(extension < 2 ? Follows::Operand : Follows::Nothing);
    case 0xfe:
    case 0xff: return with_modrm();
    default: return plain();
    }
}

constexpr Shape primary(u8 op, u8 extension) {
    if (op < 0x40) return primary_low(op);
    if (op < 0x60) return plain();
    if (op < 0x90) return primary_middle(op);
    return primary_high(op, extension);
}

constexpr Shape two_byte(u8 op) {
    if (op >= 0x80 && op <= 0x8f) return plain(Follows::Operand);
    if (op >= 0x70 && op <= 0x73) return with_modrm(Follows::Byte);
    switch (op) {
    case 0xa4:
    case 0xac:
    case 0xba:
    case 0xc2:
    case 0xc4:
    case 0xc5:
    case 0xc6: return with_modrm(Follows::Byte);
    case 0x77:
    case 0xa0:
    case 0xa1:
    case 0xa2:
    case 0xa8:
    case 0xa9:
    case 0xaa: return plain();
    case 0x0f: return plain(Follows::Bad); // 3DNow!
    default: break;
    }
    if (op >= 0x04 && op <= 0x0b) return plain();
    if (op == 0x0c || op == 0x0e) return plain();
    if (op >= 0x30 && op <= 0x37) return plain();
    if (op >= 0xc8 && op <= 0xcf) return plain();
    return with_modrm();
}

/// Takes bytes from the front; `bad` once there are none left.
struct Reader {
    std::span<const u8> bytes;
    std::size_t at = 0;
    bool bad = false;

    constexpr u8 next() {
        if (at >= bytes.size() || at >= max_instruction_bytes) {
            bad = true;
            return 0;
        }
        return bytes[at++];
    }
    /// n bytes, little endian, sign-extended.
    constexpr u64 number(unsigned n) {
        u64 value = 0;
        for (unsigned i = 0; i < n; ++i) value |= u64{next()} << (8 * i);
        if (n == 0 || n >= 8) return value;
        const u64 sign = u64{1} << (8 * n - 1);
        return (value ^ sign) - sign;
    }
};

/// True if the byte is a legacy prefix, which it takes.
constexpr bool take_prefix(Instruction& i, u8 byte) {
    switch (byte) {
    case 0x66: i.operand_size_prefix = true; return true;
    case 0x67: i.address_size_prefix = true; return true;
    case 0xf0: i.lock = true; return true;
    case 0xf2:
    case 0xf3: i.repeat = byte; return true;
    case 0x26: i.segment = SegmentOverride::Es; break;
    case 0x2e: i.segment = SegmentOverride::Cs; break;
    case 0x36: i.segment = SegmentOverride::Ss; break;
    case 0x3e: i.segment = SegmentOverride::Ds; break;
    case 0x64: i.segment = SegmentOverride::Fs; return true;
    case 0x65: i.segment = SegmentOverride::Gs; return true;
    default: return false;
    }
    // In 64-bit mode the others have no effect.
    if (i.code == CodeSize::Bits64) i.segment = SegmentOverride::Default;
    return true;
}

constexpr void take_sib(Instruction& i, Reader& in, u8 mod) {
    const u8 sib = in.next();
    const u8 index = static_cast<u8>((sib >> 3 & 7) | (i.rex & 2 ? 8 : 0));
    const u8 base = static_cast<u8>((sib & 7) | (i.rex & 1 ? 8 : 0));
    if (index != 4) {
        i.index = index;
        i.scale = sib >> 6;
    }
    if ((base & 7) == 5 && mod == 0) i.displacement = static_cast<s64>(in.number(4));
    else i.base = base;
}

constexpr void take_modrm(Instruction& i, Reader& in) {
    const u8 modrm = in.next();
    const u8 mod = modrm >> 6;
    i.has_modrm = true;
    i.reg = static_cast<u8>((modrm >> 3 & 7) | (i.rex & 4 ? 8 : 0));
    i.rm = static_cast<u8>((modrm & 7) | (i.rex & 1 ? 8 : 0));
    // MOV to and from control and debug registers takes r/m as a register whatever mod says.
    const bool system_move = i.map == OpcodeMap::TwoByte && i.opcode >= 0x20 && i.opcode <= 0x23;
    if (mod == 3 || system_move) return;
    i.is_memory = true;
    if ((modrm & 7) == 4) {
        take_sib(i, in, mod);
    } else if ((modrm & 7) == 5 && mod == 0) {
        i.is_rip_relative = i.code == CodeSize::Bits64;
        i.displacement = static_cast<s64>(in.number(4));
    } else {
        i.base = i.rm;
    }
    if (mod == 1) i.displacement = static_cast<s64>(in.number(1));
    if (mod == 2) i.displacement = static_cast<s64>(in.number(4));
}

constexpr void take_opcode(Instruction& i, Reader& in, u8 byte) {
    i.opcode = byte;
    if (byte != 0x0f) return;
    i.map = OpcodeMap::TwoByte;
    i.opcode = in.next();
    if (i.opcode == 0x38 || i.opcode == 0x3a) {
        i.map = i.opcode == 0x38 ? OpcodeMap::Map38 : OpcodeMap::Map3A;
        i.opcode = in.next();
    }
}

constexpr Shape shape_of(const Instruction& i, u8 extension) {
    switch (i.map) {
    case OpcodeMap::Primary: return primary(i.opcode, extension);
    case OpcodeMap::TwoByte: return two_byte(i.opcode);
    case OpcodeMap::Map38: return with_modrm();
    case OpcodeMap::Map3A: return with_modrm(Follows::Byte);
    }
    return plain(Follows::Bad);
}

constexpr void take_immediate(Instruction& i, Reader& in, Follows follows) {
    unsigned bytes = 0;
    switch (follows) {
    case Follows::Nothing: return;
    case Follows::Bad: in.bad = true; return;
    case Follows::Byte: bytes = 1; break;
    case Follows::Word: bytes = 2; break;
    case Follows::WordByte: bytes = 3; break;
    case Follows::Operand: bytes = i.operand_size_prefix && !i.rex_w() ? 2 : 4; break;
    case Follows::Full: bytes = i.operand_bytes(); break;
    case Follows::Offset:
        i.is_memory = true;
        i.displacement = static_cast<s64>(in.number(i.address_mask() == ~u64{0} ? 8 : 4));
        return;
    }
    i.immediate_bytes = static_cast<u8>(bytes);
    i.immediate = in.number(bytes);
}

constexpr std::optional<Instruction> decode_bytes(std::span<const u8> bytes, CodeSize code) {
    Instruction i;
    i.code = code;
    Reader in{bytes};
    u8 byte = in.next();
    while (!in.bad && take_prefix(i, byte)) byte = in.next();
    if (code == CodeSize::Bits64 && (byte & 0xf0) == 0x40) {
        i.rex = byte;
        byte = in.next();
    }
    take_opcode(i, in, byte);
    // 16-bit addressing has its own ModRM; no kernel of today uses it.
    const u8 extension = in.at < bytes.size() ? bytes[in.at] >> 3 & 7 : 0;
    const Shape shape = shape_of(i, extension);
    if (shape.modrm) {
        take_modrm(i, in);
        if (i.is_memory && code == CodeSize::Bits32 && i.address_size_prefix) return std::nullopt;
    } else {
        i.reg = static_cast<u8>((i.opcode & 7) | (i.rex & 1 ? 8 : 0));
    }
    take_immediate(i, in, shape.follows);
    if (in.bad) return std::nullopt;
    i.length = static_cast<u8>(in.at);
    return i;
}

// The same decoder, at compile time: mov %rax,(%rdi); lock cmpxchg %rcx,0x8(%rbx,%rsi,8); movq $1,0x10(%rip).
constexpr u8 store[] = {0x48, 0x89, 0x07};
static_assert(decode_bytes(store, CodeSize::Bits64)->length == 3 && decode_bytes(store, CodeSize::Bits64)->base == 7);
constexpr u8 exchange[] = {0xf0, 0x48, 0x0f, 0xb1, 0x4c, 0xf3, 0x08};
static_assert(decode_bytes(exchange, CodeSize::Bits64)->displacement == 8);
static_assert(decode_bytes(exchange, CodeSize::Bits64)->index == 6);
constexpr u8 rip_relative[] = {0x48, 0xc7, 0x05, 0x10, 0, 0, 0, 1, 0, 0, 0};
static_assert(decode_bytes(rip_relative, CodeSize::Bits64)->length == 11);
static_assert(decode_bytes(rip_relative, CodeSize::Bits64)->is_rip_relative);

} // namespace

std::optional<Instruction> decode(std::span<const u8> bytes, CodeSize code) { return decode_bytes(bytes, code); }

u64& register_of(x86::Registers& r, unsigned number) {
    switch (number & 15) {
    case 0: return r.rax;
    case 1: return r.rcx;
    case 2: return r.rdx;
    case 3: return r.rbx;
    case 4: return r.rsp;
    case 5: return r.rbp;
    case 6: return r.rsi;
    case 7: return r.rdi;
    case 8: return r.r8;
    case 9: return r.r9;
    case 10: return r.r10;
    case 11: return r.r11;
    case 12: return r.r12;
    case 13: return r.r13;
    case 14: return r.r14;
    default: return r.r15;
    }
}

u64 read_register(x86::Registers& r, const Instruction& i, unsigned number, unsigned bytes) {
    if (bytes == 1 && i.rex == 0 && number >= 4 && number < 8) return register_of(r, number - 4) >> 8 & 0xff;
    const u64 value = register_of(r, number);
    return bytes >= 8 ? value : value & ((u64{1} << (8 * bytes)) - 1);
}

void write_register(x86::Registers& r, const Instruction& i, unsigned number, unsigned bytes, u64 value) {
    if (bytes == 1 && i.rex == 0 && number >= 4 && number < 8) {
        u64& whole = register_of(r, number - 4);
        whole = (whole & ~u64{0xff00}) | (value & 0xff) << 8;
        return;
    }
    u64& whole = register_of(r, number);
    switch (bytes) {
    case 1: whole = (whole & ~u64{0xff}) | (value & 0xff); break;
    case 2: whole = (whole & ~u64{0xffff}) | (value & 0xffff); break;
    case 4: whole = value & 0xffffffff; break;
    default: whole = value; break;
    }
}

u64 effective_address(x86::Registers& r, const Instruction& i) {
    u64 address = static_cast<u64>(i.displacement);
    if (i.is_rip_relative) address += r.rip + i.length;
    if (i.base != Instruction::no_register) address += register_of(r, i.base);
    if (i.index != Instruction::no_register) address += register_of(r, i.index) << i.scale;
    return address & i.address_mask();
}

} // namespace px::guest
