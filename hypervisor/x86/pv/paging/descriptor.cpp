// SPDX-License-Identifier: Apache-2.0
// GDT and LDT of paravirtual vCPUs: references, the windows they are seen through, lazy mapping of LDT pages.
#include "x86/pv/paging/descriptor.hpp"

#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/pv/guest_copy.hpp"
#include "x86/pv/paging/pagetable.hpp"
#include "x86/pv/paging/tlb.hpp"
#include "x86/pv/trap.hpp"

namespace px::pv {

namespace {

namespace layout = x86::layout;

constexpr u32 entries_per_page = x86::DescriptorPage::entries;
constexpr unsigned ldt_pages = 16;
constexpr u32 max_ldt_entries = ldt_pages * entries_per_page;

bool is_current(const PvVcpu& vcpu) { return &vcpu == current_or_null(); }

/// Drops the LDT pages that are mapped.
void unmap_ldt(PvVcpu& vcpu) {
    if (vcpu.ldt_mapped == 0) return;
    PageSlot* const window = descriptor_window(vcpu) + ldt_pages;
    for (unsigned i = 0; i < ldt_pages; ++i) {
        if ((vcpu.ldt_mapped >> i & 1) == 0) continue;
        const PageEntry old = window[i].load();
        window[i].store({});
        if (is_current(vcpu)) x86::invlpg(layout::ldt_address(vcpu.id) + i * page_size);
        release_descriptors(frame_of(old.frame()));
    }
    vcpu.ldt_mapped = 0;
}

void unmap_gdt(PvVcpu& vcpu) {
    for (unsigned i = 0; i < abi::first_reserved_gdt_page; ++i) {
        if (vcpu.gdt_frames[i].raw() == 0) continue;
        release_descriptors(frame_of(vcpu.gdt_frames[i]));
        vcpu.gdt_frames[i] = Mfn(0);
    }
    vcpu.gdt_entries = 0;
}

/// References on all frames of a new GDT, or on none.
Result<> acquire_all(PvDomain& domain, std::span<const u64> frames) PX_REQUIRES(domain.page_table_lock) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const Mfn mfn(frames[i]);
        if (is_valid(mfn) && acquire_descriptors(frame_of(mfn), domain)) continue;
        while (i-- > 0) release_descriptors(frame_of(Mfn(frames[i])));
        return fail(Error::Invalid);
    }
    return {};
}

} // namespace

Result<> set_gdt(PvVcpu& vcpu, std::span<const u64> frames, u32 entries) {
    if (entries > abi::first_reserved_gdt_entry) return fail(Error::Invalid);
    const u32 count = (entries + entries_per_page - 1) / entries_per_page;
    if (frames.size() < count) return fail(Error::Invalid);
    TRY(acquire_all(vcpu.pv_domain(), frames.first(count)));
    PageSlot* const window = descriptor_window(vcpu);
    // Page 15 is never a guest's: it has the entry that stands for "nothing here".
    const PageEntry nothing = window[abi::first_reserved_gdt_page + 1].load();
    Mfn old[abi::first_reserved_gdt_page];
    for (unsigned i = 0; i < abi::first_reserved_gdt_page; ++i) {
        old[i] = vcpu.gdt_frames[i];
        vcpu.gdt_frames[i] = i < count ? Mfn(frames[i]) : Mfn(0);
        window[i].store(i < count ? PageEntry(Mfn(frames[i]), descriptor_bits) : nothing);
        if (is_current(vcpu)) x86::invlpg(layout::gdt_address(vcpu.id) + i * page_size);
    }
    vcpu.gdt_entries = entries;
    for (const Mfn mfn : old)
        if (mfn.raw() != 0) release_descriptors(frame_of(mfn));
    return {};
}

Result<> set_ldt(PvVcpu& vcpu, GuestVaddr base, u64 entries) {
    if (entries > max_ldt_entries || base.raw() % page_size != 0) return fail(Error::Invalid);
    if (entries != 0 && !is_guest_range(base, entries * sizeof(u64))) return fail(Error::Invalid);
    unmap_ldt(vcpu);
    vcpu.ldt_base = entries ? base : GuestVaddr(0);
    vcpu.ldt_entries = static_cast<u32>(entries);
    if (is_current(vcpu)) load_ldt(vcpu);
    return {};
}

void release_descriptor_tables(PvVcpu& vcpu) {
    unmap_ldt(vcpu);
    vcpu.ldt_base = GuestVaddr(0);
    vcpu.ldt_entries = 0;
    unmap_gdt(vcpu);
}

void load_ldt(const PvVcpu& vcpu) {
    if (vcpu.ldt_entries == 0) {
        x86::lldt({});
        return;
    }
    // The CPU's own page of descriptors, through the GDT in force.
    auto* const gdt = reinterpret_cast<x86::Descriptor*>(layout::gdt_address(vcpu.id));
    const auto limit = static_cast<u16>(vcpu.ldt_entries * sizeof(x86::Descriptor) - 1);
    const auto ldt = x86::SystemDescriptor::of(x86::SystemType::Ldt, layout::ldt_address(vcpu.id), limit);
    x86::Descriptor* const place = gdt + x86::selector::Index::of(x86::selector::ldt);
    place[0] = ldt.low;
    place[1] = ldt.high;
    x86::lldt(x86::selector::ldt);
}

bool map_descriptor_page(PvVcpu& vcpu, Vaddr address) {
    const Vaddr start(layout::ldt_address(vcpu.id));
    if (address < start || address - start >= ldt_pages * page_size) return false;
    const auto page = static_cast<unsigned>((address - start) / page_size);
    if (page * entries_per_page >= vcpu.ldt_entries) return false;
    // A flush under the lock waits for CPUs that wait for the lock: not with interrupts off.
    const bool were_off = !x86::interrupts_enabled();
    if (were_off) x86::enable_interrupts();
    bool mapped = false;
    {
        PvDomain& domain = vcpu.pv_domain();
        Guard guard(domain.page_table_lock);
        const PageSlot* const slot = find_l1_entry(domain, vcpu.kernel_l4, vcpu.ldt_base + page * page_size);
        const PageEntry e = slot ? slot->load() : PageEntry{};
        if (vcpu.ldt_mapped >> page & 1) {
            mapped = true; // by whoever interrupted us
        } else if (e.is_present() && is_valid(e.frame()) && acquire_descriptors(frame_of(e.frame()), domain)) {
            descriptor_window(vcpu)[ldt_pages + page].store({e.frame(), descriptor_bits});
            vcpu.ldt_mapped |= 1u << page;
            mapped = true;
        }
    }
    if (were_off) x86::disable_interrupts();
    return mapped;
}

} // namespace px::pv
