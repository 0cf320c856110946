// SPDX-License-Identifier: Apache-2.0
// Port I/O of paravirtual guests: who may touch which port, and the instructions (single and string).
#include "schedule/softirq.hpp"
#include "x86/guest/port.hpp"
#include "x86/pv/bounce.hpp"
#include "x86/pv/emulate/emulate.hpp"
#include "x86/pv/guest_copy.hpp"
#include "x86/pv/trap.hpp"

namespace px::pv {

namespace {

/// True if the guest kernel lets the current mode touch the ports: I/O privilege, or its task's bitmap (set_iobitmap).
bool is_allowed_by_guest(PvVcpu& vcpu, u16 port, unsigned bytes) {
    if (has_io_privilege(vcpu)) return true;
    if (!vcpu.io_bitmap.is_valid() || vcpu.io_bitmap.raw() == 0 || port + bytes > vcpu.io_bitmap_ports) return false;
    u8 map[2];
    const unsigned first = port / 8;
    const unsigned count = (port % 8) + bytes > 8 ? 2 : 1;
    if (vcpu.copy_from_guest(map, GuestVaddr(vcpu.io_bitmap.raw() + first), count) != 0) return false;
    const u32 bits = map[0] | (count == 2 ? map[1] << 8 : 0);
    return (bits >> (port % 8) & ((1u << bytes) - 1)) == 0;
}

u64 size_mask(unsigned bytes) { return bytes == 8 ? ~u64{0} : (u64{1} << bytes * 8) - 1; }

/// IN and OUT.
Emulated single(PvVcpu& vcpu, x86::Registers& r, u16 port, unsigned bytes, bool is_out) {
    if (!is_allowed_by_guest(vcpu, port, bytes)) return Emulated::Refused;
    if (is_out) {
        write_port(vcpu.pv_domain(), port, bytes, static_cast<u32>(r.rax & size_mask(bytes)));
        return Emulated::Done;
    }
    const u32 value = read_port(vcpu.pv_domain(), port, bytes);
    r.rax = bytes == 4 ? value : (r.rax & ~size_mask(bytes)) | value;
    return Emulated::Done;
}

/// One element of INS or OUTS. Memory faults go to the guest.
Emulated string_element(PvVcpu& vcpu, x86::Registers& r, const Instruction& op, u16 port, unsigned bytes, bool is_out) {
    u64& index = is_out ? r.rsi : r.rdi;
    GuestVaddr base(0);
    if (is_out && op.segment == SegmentOverride::Fs) base = GuestVaddr(x86::rdfsbase());
    if (is_out && op.segment == SegmentOverride::Gs) base = GuestVaddr(x86::rdgsbase());
    const GuestVaddr address = base + (index & op.address_mask());
    if (!is_guest_range(address, bytes)) return Emulated::Refused;
    u32 value = 0;
    if (is_out) {
        if (const u64 left = copy_from_active(&value, address, bytes)) {
            inject_page_fault(vcpu, r, address + (bytes - left), x86::PageFaultCode{});
            return Emulated::Delivered;
        }
        write_port(vcpu.pv_domain(), port, bytes, value);
    } else {
        value = read_port(vcpu.pv_domain(), port, bytes);
        if (const u64 left = copy_to_active(address, &value, bytes)) {
            inject_page_fault(vcpu, r, address + (bytes - left), x86::page_fault::write);
            return Emulated::Delivered;
        }
    }
    const u64 step = r.rflags.has(x86::rflags::direction) ? -u64{bytes} : bytes;
    index = (index & ~op.address_mask()) | ((index + step) & op.address_mask());
    return Emulated::Done;
}

Emulated string(PvVcpu& vcpu, x86::Registers& r, const Instruction& op, unsigned bytes, bool is_out) {
    constexpr unsigned most_at_once = 256;
    const u16 port = static_cast<u16>(r.rdx);
    if (!is_allowed_by_guest(vcpu, port, bytes)) return Emulated::Refused;
    if (!op.repeat) return string_element(vcpu, r, op, port, bytes, is_out);
    const u64 mask = op.address_mask();
    for (unsigned i = 0; (r.rcx & mask) != 0; ++i) {
        if (i == most_at_once || softirq::is_pending()) return Emulated::Again;
        const Emulated one = string_element(vcpu, r, op, port, bytes, is_out);
        if (one != Emulated::Done) return one;
        r.rcx = (r.rcx & ~mask) | ((r.rcx - 1) & mask);
    }
    return Emulated::Done;
}

} // namespace

Emulated emulate_port_io(PvVcpu& vcpu, x86::Registers& r, const Instruction& op) {
    const unsigned wide = op.operand_size_prefix ? 2 : 4;
    const unsigned bytes = (op.opcode & 1) ? wide : 1;
    switch (op.opcode) {
    case 0x6c:
    case 0x6d: return string(vcpu, r, op, bytes, false);
    case 0x6e:
    case 0x6f: return string(vcpu, r, op, bytes, true);
    case 0xe4:
    case 0xe5: return single(vcpu, r, static_cast<u8>(op.immediate), bytes, false);
    case 0xe6:
    case 0xe7: return single(vcpu, r, static_cast<u8>(op.immediate), bytes, true);
    case 0xec:
    case 0xed: return single(vcpu, r, static_cast<u16>(r.rdx), bytes, false);
    default: return single(vcpu, r, static_cast<u16>(r.rdx), bytes, true);
    }
}

} // namespace px::pv
