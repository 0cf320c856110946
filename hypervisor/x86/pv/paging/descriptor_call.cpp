// SPDX-License-Identifier: Apache-2.0
// Hypercalls set_gdt and update_descriptor.
#include "domain/guest_pointer.hpp"
#include "x86/pv/hypercall_rows.hpp"
#include "x86/pv/paging/descriptor.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::pv {

namespace {

Result<> set_current_gdt(u64 list, u64 entries) {
    if (entries > abi::first_reserved_gdt_entry) return fail(Error::Invalid);
    const u32 count = static_cast<u32>((entries * sizeof(u64) + page_size - 1) / page_size);
    u64 frames[abi::first_reserved_gdt_page] = {};
    TRY(GuestPointer<u64>(list).read_array(frames, count));
    PvVcpu& vcpu = current_pv();
    Guard guard(vcpu.pv_domain().page_table_lock);
    return set_gdt(vcpu, std::span(frames, count), static_cast<u32>(entries));
}

Result<> write_descriptor(Paddr address, x86::Descriptor d) {
    const Mfn mfn = mfn_of(address);
    if (address.raw() % sizeof(d) != 0 || !is_valid(mfn) || !sanitise(d)) return fail(Error::Invalid);
    PvDomain& domain = current_pv().pv_domain();
    Frame& frame = frame_of(mfn);
    Guard guard(domain.page_table_lock);
    const FrameState state = frame.load();
    const bool is_table = state.type() == FrameType::Descriptors && state.type_count() != 0;
    if (is_table) {
        if (!acquire_descriptors(frame, domain)) return fail(Error::Invalid);
    } else if (!acquire_writable(frame, domain.id)) {
        return fail(Error::Invalid);
    }
    // Whole: the CPU may read it now.
    x86::Descriptor& place = to_virtual<x86::DescriptorPage>(frame)->entry[address.raw() % page_size / sizeof(d)];
    std::atomic_ref(place).store(d, std::memory_order_release);
    release_writable(frame);
    return {};
}

} // namespace
} // namespace px::pv

namespace px::hypercall {

Outcome set_gdt(Call& call) { return Outcome::of(pv::set_current_gdt(call.args[0], static_cast<u32>(call.args[1]))); }

Outcome update_descriptor(Call& call) {
    return Outcome::of(pv::write_descriptor(Paddr(call.args[0]), x86::Descriptor(call.args[1])));
}

} // namespace px::hypercall
