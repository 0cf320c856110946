// SPDX-License-Identifier: Apache-2.0
// Writes of a guest's kernel to its page tables by plain instructions: emulated with the page-type rules.
#include "x86/guest/decode.hpp"
#include "x86/guest/write_operation.hpp"
#include "x86/machine/pci/msi.hpp"
#include "x86/pv/guest_copy.hpp"
#include "x86/pv/paging/pagetable.hpp"
#include "x86/pv/trap.hpp"

namespace px::pv {

namespace {

/// What a faulting address maps, if it is there and only for reading: else it was not why the write faulted, and the
/// entry is empty.
PageEntry read_only_mapping(const PvDomain& domain, Mfn l4, GuestVaddr address) PX_REQUIRES(domain.page_table_lock) {
    const PageSlot* const mapping = find_l1_entry(domain, l4, address);
    const PageEntry e = mapping ? mapping->load() : PageEntry{};
    return e.is_present() && !e.is_writable() ? e : PageEntry{};
}

/// The level 1 table entry (8 bytes) that contains an address with this mapping. Null: it is not in a level 1 table of
/// the domain.
PageSlot* written_entry(const PvDomain& domain, PageEntry mapping, GuestVaddr address)
    PX_REQUIRES(domain.page_table_lock) {
    if (!mapping.is_present() || !is_valid(mapping.frame())) return nullptr;
    const Frame& frame = frame_of(mapping.frame());
    if (frame.owner.load(std::memory_order_relaxed) != domain.id.raw() || !is_table(frame, 1)) return nullptr;
    return &(*to_virtual<PageTable>(mapping.frame()))[address.raw() % page_size / sizeof(PageSlot)];
}

std::optional<Instruction> fetch(const x86::Registers& r) {
    u8 bytes[max_instruction_bytes];
    const u64 missing = copy_from_active(bytes, GuestVaddr(r.rip), sizeof bytes);
    if (missing >= sizeof bytes) return std::nullopt;
    return decode(std::span(bytes, sizeof bytes - missing), CodeSize::Bits64);
}

GuestVaddr target_of(const Instruction& i, x86::Registers& r, const WriteOperation& operation) {
    return GuestVaddr(operation.is_string ? r.rdi & i.address_mask() : effective_address(r, i));
}

/// Segment bases: only FS and GS have any, and kernels do not write page tables through them.
bool hits(const Instruction& i, const WriteOperation& operation, GuestVaddr target, GuestVaddr address) {
    if (i.segment == SegmentOverride::Fs || i.segment == SegmentOverride::Gs) return false;
    const bool inside = target.raw() % sizeof(u64) + operation.bytes <= sizeof(u64);
    return inside && address >= target && address - target < operation.bytes;
}

/// Source of a MOVS, which the operation takes as its value.
bool read_source(x86::Registers& r, WriteOperation& operation) {
    if (operation.kind != WriteOperation::Kind::MoveString) return true;
    u64 value = 0;
    if (copy_from_active(&value, GuestVaddr(r.rsi), operation.bytes) != 0) return false;
    operation.value = value;
    return true;
}

/// A write to a device that is only for reading: to PCI configuration space of who has the hardware it is done, as far
/// as the hypervisor allows; else it has no effect. False: it is none that is done for a guest (one that reads before).
bool write_device(const PvDomain& domain, Paddr address, WriteOperation& operation, x86::Registers& r) {
    const auto where = x86::pci::find_register(address);
    const unsigned bytes = operation.bytes;
    if (!where || !domain.is_hardware_domain || bytes > sizeof(u32) || where->offset % bytes != 0) {
        (void)operation.apply(0, r);
        return true;
    }
    if (operation.kind != WriteOperation::Kind::Move) return false;
    x86::msi::write_config_for_domain(*where, bytes, static_cast<u32>(operation.apply(0, r).value));
    return true;
}

} // namespace

bool emulate_page_table_write(PvVcpu& vcpu, x86::Registers& r, GuestVaddr address, x86::PageFaultCode code) {
    namespace page_fault = x86::page_fault;
    constexpr auto wanted = page_fault::present | page_fault::write;
    if ((code & (wanted | page_fault::reserved | page_fault::fetch)) != wanted || !vcpu.in_kernel_mode) return false;
    PvDomain& domain = vcpu.pv_domain();
    Mfn device_frame = Mfn::invalid();
    {
        Guard guard(domain.page_table_lock);
        const PageEntry mapping = read_only_mapping(domain, vcpu.kernel_l4, address);
        if (!written_entry(domain, mapping, address)) {
            if (!mapping.is_present() || !is_read_only_device_frame(mapping.frame())) return false;
            device_frame = mapping.frame();
        }
    }
    const auto instruction = fetch(r);
    if (!instruction) return false;
    auto operation = write_operation(*instruction, r);
    if (!operation) return false;
    const GuestVaddr target = target_of(*instruction, r, *operation);
    if (!hits(*instruction, *operation, target, address) || !read_source(r, *operation)) return false;
    if (device_frame.is_valid()) {
        if (!write_device(domain, paddr_of(device_frame) + target.raw() % page_size, *operation, r)) return false;
        operation->finish(*instruction, r);
        return true;
    }
    {
        Guard guard(domain.page_table_lock);
        const PageEntry mapping = read_only_mapping(domain, vcpu.kernel_l4, address);
        PageSlot* const slot = written_entry(domain, mapping, address);
        if (!slot) return true; // changed meanwhile: the guest tries again
        const u64 old = slot->load().raw();
        const unsigned shift = static_cast<unsigned>(target.raw() % sizeof(u64) * 8);
        const u64 mask = (operation->bytes == 8 ? ~u64{0} : (u64{1} << 8 * operation->bytes) - 1) << shift;
        const auto result = operation->apply((old & mask) >> shift, r);
        if (result.writes) {
            const PageEntry next{(old & ~mask) | (result.value << shift & mask)};
            // What the CPU set since is kept, unless the guest writes those bits itself.
            if (!update_l1_entry(*slot, next, domain, domain, AccessBits::Overwrite)) return false;
        }
    }
    operation->finish(*instruction, r);
    return true;
}

} // namespace px::pv
