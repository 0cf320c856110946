// SPDX-License-Identifier: Apache-2.0
// What a level 1 entry may map, and the references it holds on it.
#include "abi/types.hpp"
#include "domain/rangeset.hpp"
#include "memory/cache.hpp"
#include "x86/pv/paging/pagetable.hpp"

namespace px::pv {

namespace {

constinit RangeSet read_only_devices; // constant after boot

/// Not memory: registers of devices, holes, firmware's areas. Such frames are not counted.
bool is_device_memory(Mfn mfn) {
    return !is_valid(mfn) || frame_of(mfn).owner.load(std::memory_order_relaxed) == abi::domid_io;
}

bool may_touch(const Domain& domain, Mfn mfn) { return domain.io_memory && domain.io_memory->contains(mfn.raw()); }

Result<> acquire_device_mapping(Mfn mfn, const PvDomain& table_owner, const Domain& frame_owner) {
    if (mfn.raw() >= physical_frame_limit()) return fail(Error::Invalid);
    if (!may_touch(table_owner, mfn)) return fail(Error::Perm);
    // A tool that maps for another domain needs that domain's right too.
    const bool own = &frame_owner == &table_owner || frame_owner.id.raw() == abi::domid_io;
    if (!own && !may_touch(frame_owner, mfn)) return fail(Error::Perm);
    return {};
}

/// The hypervisor's own frames that are offered to tools for reading (M2P, trace buffers).
Result<> acquire_offered_frame(Frame& frame, const PvDomain& table_owner, PageEntry entry) {
    if (!table_owner.is_privileged || entry.is_writable() || !frame.load().has(FrameState::hypervisor))
        return fail(Error::Busy);
    return acquire_frame(frame, DomId(abi::domid_xen)) ? Result<>{} : fail(Error::Busy);
}

} // namespace

Result<> acquire_mapping(PageEntry& entry, PvDomain& table_owner, const Domain& frame_owner) {
    if (!entry.is_present()) return {};
    // Guests without devices have no use for other memory types; what those cost that have is in memory/cache.hpp.
    const bool is_uncached = entry.has_any(page::memory_type);
    if (is_uncached && !has_devices(table_owner)) return fail(Error::Invalid);
    const Mfn mfn = entry.frame();
    if (is_device_memory(mfn)) {
        if (entry.is_writable() && is_read_only_device_frame(mfn)) entry = entry.without(page::writable);
        return acquire_device_mapping(mfn, table_owner, frame_owner);
    }
    Frame& frame = frame_of(mfn);
    if (is_uncached && frame.load().has(FrameState::hypervisor)) return fail(Error::Access);
    // Only what belongs to the named domain: a privileged domain, too, names whom it means, so that a wrong number in
    // it maps nobody's memory.
    if (frame_owner.id.raw() == abi::domid_xen) return acquire_offered_frame(frame, table_owner, entry);
    const bool acquired =
        entry.is_writable() ? acquire_writable(frame, frame_owner.id) : acquire_frame(frame, frame_owner.id);
    if (!acquired) return fail(Error::Busy);
    note_mapping(frame, entry, table_owner);
    return {};
}

bool may_be_linear(PageEntry entry, const Domain& owner, unsigned level) {
    constexpr unsigned top = 4;
    return !entry.is_writable() && (level != top || owner.is_hardware_domain);
}

void note_mapping(Frame& frame, PageEntry entry, const Domain& table_owner) {
    if (entry.has_any(page::memory_type) && (frame.flags & frame_flag::uncached) == 0) [[unlikely]] {
        // In this order: who finds the flag set may make its entry, and read memory, at once.
        cache::flush(frame);
        frame.flags.set(frame_flag::uncached);
    }
    if (frame.owner.load(std::memory_order_relaxed) == table_owner.id.raw()) return;
    if ((frame.flags & frame_flag::shared) == 0) frame.flags.set(frame_flag::shared);
}

bool has_devices(const Domain& domain) {
    const auto any = [](const RangeSet* set) { return set && !set->is_empty(); };
    return domain.is_hardware_domain || any(domain.io_memory) || any(domain.io_ports);
}

Result<> make_device_frames_read_only(u64 first, u64 last) { return read_only_devices.add(first, last); }

bool is_read_only_device_frame(Mfn mfn) { return read_only_devices.contains(mfn.raw()); }

void release_mapping(PageEntry entry, PvDomain&) {
    if (!entry.is_present() || is_device_memory(entry.frame())) return;
    Frame& frame = frame_of(entry.frame());
    if (entry.is_writable()) release_writable(frame);
    else release_frame(frame);
}

} // namespace px::pv
