// SPDX-License-Identifier: Apache-2.0
// What the parts of the privileged-instruction emulation share.
#pragma once

#include "x86/guest/decode.hpp"
#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

/// What became of an instruction.
enum class Emulated : u8 {
    Done,      ///< move rip on
    Again,     ///< a repeated instruction that is not finished: rip stays
    Refused,   ///< #GP for the guest
    Delivered, ///< the guest has got another exception: leave rip alone
};

/// Opcode with its map: one byte, or 0x0f00 + second byte; ~0 for other maps.
constexpr u32 opcode_of(const Instruction& i) {
    return i.map == OpcodeMap::Primary ? i.opcode : i.map == OpcodeMap::TwoByte ? 0x0f00u + i.opcode : ~0u;
}
/// Bytes at the guest's rip, as many as can be read. Returns their number.
std::size_t fetch_instruction(const x86::Registers& r, u8 (&bytes)[max_instruction_bytes]);
/// True if the guest runs 64-bit code.
bool runs_64bit_code(const x86::Registers& r);

/// CPUID with the guest's policy: eax, ecx in; eax to edx out.
void emulate_cpuid(PvVcpu& vcpu, x86::Registers& r);
/// IN, OUT, INS, OUTS.
Emulated emulate_port_io(PvVcpu& vcpu, x86::Registers& r, const Instruction& op);
/// MOV from and to control and debug registers.
Emulated emulate_control_register(PvVcpu& vcpu, x86::Registers& r, const Instruction& op);
Emulated emulate_debug_register(PvVcpu& vcpu, x86::Registers& r, const Instruction& op);

/// True if the guest's current mode has I/O privilege (IOPL it asked for).
bool has_io_privilege(const PvVcpu& vcpu);

} // namespace px::pv
