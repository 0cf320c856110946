// SPDX-License-Identifier: Apache-2.0
#include "bench/plugin/decode.hpp"

namespace bench {
namespace {

constexpr uint32_t msr_fs_base = 0xc0000100, msr_kernel_gs_base = 0xc0000102;

/// An instruction taken apart as far as its ModRM byte; `at` runs along the bytes. Past the end it reads as 0 and says
/// so.
struct Reader {
    const uint8_t* bytes;
    size_t size;
    size_t at = 0;
    bool short_of_bytes = false;
    bool lock = false, repeat = false, operand_size = false;
    uint8_t rex = 0;

    uint8_t next() {
        if (at < size) return bytes[at++];
        short_of_bytes = true;
        return 0;
    }

    /// Skips prefixes, and leaves the opcode's first byte as the result. REX counts only right before the opcode.
    uint8_t opcode() {
        for (;;) {
            const uint8_t byte = next();
            if ((byte & 0xf0) == 0x40 && !short_of_bytes) {
                rex = byte;
                continue;
            }
            switch (byte) {
            case 0xf0: lock = true; break;
            case 0xf3: repeat = true; break;
            case 0x66: operand_size = true; break;
            case 0xf2:
            case 0x67:
            case 0x26:
            case 0x2e:
            case 0x36:
            case 0x3e:
            case 0x64:
            case 0x65: break;
            default: return byte;
            }
            rex = 0;
        }
    }
};

struct ModRm {
    explicit ModRm(uint8_t byte) : byte(byte), mod(byte >> 6), reg((byte >> 3) & 7), rm(byte & 7), memory(mod != 3) {}
    uint8_t byte, mod, reg, rm;
    bool memory;
};

/// 0F 00: the system segment registers, VERW.
Event group_6(ModRm modrm) {
    if (modrm.reg == 5) return Event::Verw;
    return modrm.reg == 2 || modrm.reg == 3 ? Event::LoadSegment : Event::None;
}

/// 0F 01: INVLPG, LMSW, and by whole byte the virtualization instructions and others without an operand.
Event group_7(ModRm modrm) {
    if (modrm.reg == 6) return Event::MovCr;
    if (modrm.memory) return modrm.reg == 7 ? Event::Invlpg : Event::None;
    switch (modrm.byte) {
    case 0xc1:
    case 0xd9: return Event::Vmmcall;
    case 0xc2:
    case 0xc3:
    case 0xd8: return Event::Vmrun;
    case 0xda: return Event::Vmload;
    case 0xdb: return Event::Vmsave;
    case 0xdc:
    case 0xdd: return Event::Gif;
    case 0xdf: return Event::Invlpg;
    case 0xf8: return Event::Swapgs;
    case 0xf9: return Event::Rdtsc;
    default: return Event::None;
    }
}

/// 0F AE: state of the FPU, fences, and with F3 the bases of FS and GS. 0F C7: further forms of the former.
Event group_15(ModRm modrm, bool repeat) {
    if (modrm.memory) {
        if (repeat) return Event::None;
        if (modrm.reg == 0 || modrm.reg == 4 || modrm.reg == 6) return Event::Xsave;
        return modrm.reg == 1 || modrm.reg == 5 ? Event::Xrstor : Event::None;
    }
    if (repeat) return modrm.reg == 2 || modrm.reg == 3 ? Event::WrBase : Event::None;
    return modrm.reg >= 5 ? Event::Fence : Event::None;
}

Event group_9(ModRm modrm) {
    if (!modrm.memory) return Event::None;
    if (modrm.reg == 4 || modrm.reg == 5) return Event::Xsave; // XSAVEC, XSAVES
    return modrm.reg == 3 ? Event::Xrstor : Event::None;       // XRSTORS
}

Event write_msr(uint32_t msr) {
    return msr >= msr_fs_base && msr <= msr_kernel_gs_base ? Event::WrmsrBase : Event::Wrmsr;
}

/// MOV to a control register; REX.R and REX.B choose the upper eight.
Decoded move_to_control(const Reader& in, ModRm modrm) {
    const unsigned control = modrm.reg | (in.rex & 4u) << 1;
    const auto source = static_cast<uint8_t>(modrm.rm | (in.rex & 1u) << 3);
    return {control == 3 ? Event::MovCr3 : Event::MovCr, Mark::None, source};
}

/// NOP with a displacement: ours when the displacement is.
Mark mark_of(Reader& in, ModRm modrm) {
    if (modrm.byte != 0x80) return Mark::None;
    const uint8_t kind = in.next();
    const bool ours = in.next() == 'P' && in.next() == 'X' && in.next() == 'N' && !in.short_of_bytes;
    return ours && kind >= 1 && kind <= static_cast<uint8_t>(Mark::Row) ? static_cast<Mark>(kind) : Mark::None;
}

/// Opcodes after 0F.
Decoded two_bytes(Reader& in, uint32_t msr) {
    switch (in.next()) {
    case 0x00: return {group_6(ModRm(in.next()))};
    case 0x01: return {group_7(ModRm(in.next()))};
    case 0x05: return {Event::Syscall};
    case 0x06: return {Event::MovCr}; // CLTS
    case 0x07:
    case 0x35: return {Event::Sysret};
    case 0x09: return {Event::Wbinvd};
    case 0x1f: return {Event::None, mark_of(in, ModRm(in.next()))};
    case 0x22: return move_to_control(in, ModRm(in.next()));
    case 0x23: in.next(); return {Event::MovDr};
    case 0x30: return {write_msr(msr)};
    case 0x31: return {Event::Rdtsc};
    case 0x32: return {Event::Rdmsr};
    case 0x34: return {Event::Syscall}; // SYSENTER
    case 0x38:                          // three bytes; INVPCID is 66 0F 38 82 with memory
        if (in.next() != 0x82 || !in.operand_size) return {};
        return {ModRm(in.next()).memory ? Event::Invpcid : Event::None};
    case 0xa2: return {Event::Cpuid};
    case 0xae: return {group_15(ModRm(in.next()), in.repeat)};
    case 0xc7: return {group_9(ModRm(in.next()))};
    default: return {};
    }
}

Decoded one_byte(Reader& in, uint8_t opcode, uint32_t msr) {
    switch (opcode) {
    case 0x0f: return two_bytes(in, msr);
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x6f:
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef: return {Event::Io};
    case 0x86:
    case 0x87: return {ModRm(in.next()).memory ? Event::Lock : Event::None};
    case 0x8e: in.next(); return {Event::LoadSegment};
    case 0x90: return {in.repeat ? Event::Pause : Event::None};
    case 0xcc: return {Event::Int};
    case 0xcd: in.next(); return {Event::Int};
    case 0xcf: return {Event::Iret};
    case 0xf4: return {Event::Hlt};
    default: return {};
    }
}

} // namespace

Decoded decode(const uint8_t* bytes, size_t size, uint32_t msr) {
    Reader in{bytes, size};
    const uint8_t opcode = in.opcode();
    Decoded found = one_byte(in, opcode, msr);
    if (in.lock && found.event == Event::None) found.event = Event::Lock;
    return in.short_of_bytes ? Decoded{} : found;
}

uint32_t constant_in_ecx(const uint8_t* bytes, size_t size) {
    if (size != 5 || bytes[0] != 0xb9) return 0;
    return bytes[1] | uint32_t{bytes[2]} << 8 | uint32_t{bytes[3]} << 16 | uint32_t{bytes[4]} << 24;
}

} // namespace bench
