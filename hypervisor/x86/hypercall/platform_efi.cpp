// SPDX-License-Identifier: Apache-2.0
// EFI runtime calls of dom0: everything the firmware reads or writes is a copy in the hypervisor's memory.
#include "x86/hypercall/platform_efi.hpp"

#include "domain/guest_pointer.hpp"
#include "memory/heap.hpp"
#include "x86/machine/firmware/efi_runtime.hpp"

#include <algorithm>
#include <cstring>

namespace px::x86::platform {
namespace {

using efi::Service;

/// Whole pages for the length of a call.
class Buffer {
  public:
    explicit Buffer(u64 bytes) {
        while ((page_size << order_) < bytes) ++order_;
        frame_ = heap::allocate({.order = order_});
    }
    ~Buffer() {
        if (frame_) heap::free(*frame_, order_, true); // it held dom0's data
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    [[nodiscard]] bool is_valid() const { return frame_ != nullptr; }
    template <class T = u8> [[nodiscard]] T* data() const { return static_cast<T*>(to_virtual(*frame_)); }

  private:
    unsigned order_ = 0;
    Frame* frame_;
};

template <class T> u64 pointer(T* p) { return reinterpret_cast<u64>(p); }

void put_time(abi::PlatformEfiTime& to, const efi::Time& t) {
    to = {t.year, t.month, t.day, t.hour, t.minute, t.second, t.nanosecond, t.time_zone, t.daylight};
}
efi::Time get_time(const abi::PlatformEfiTime& t) {
    return {t.year, t.month, t.day, t.hour, t.min, t.sec, 0, t.ns, t.tz, t.daylight, 0};
}
efi::Guid get_guid(const abi::PlatformEfiGuid& g) {
    efi::Guid guid;
    static_assert(sizeof guid == sizeof g);
    std::memcpy(&guid, &g, sizeof guid);
    return guid;
}

/// A name of dom0, its end included. Errors: Fault, NameTooLong (no end within `most` characters).
Result<> copy_name(u16* to, abi::GuestHandle<void> from, u64 most) {
    const GuestPointer<u16> name(from.address);
    for (u64 i = 0; i < most; ++i) {
        to[i] = TRY(name.read(i));
        if (to[i] == 0) return {};
    }
    return fail(Error::NameTooLong);
}

Result<> no_flags(const abi::PlatformEfiRuntimeCall& op) { return op.misc ? fail(Error::Invalid) : Result<>{}; }

Result<> read_time(abi::PlatformEfiRuntimeCall& op) {
    TRY(no_flags(op));
    efi::Time time{};
    efi::TimeCapabilities capabilities{};
    op.status = TRY(efi::call(Service::GetTime, {pointer(&time), pointer(&capabilities)}));
    if (efi::is_error(op.status)) return {};
    put_time(op.u.get_time.time, time);
    op.u.get_time.resolution = capabilities.resolution;
    op.u.get_time.accuracy = capabilities.accuracy;
    if (capabilities.sets_to_zero) op.misc |= abi::efi_get_time_set_clears_ns;
    return {};
}

Result<> set_time(abi::PlatformEfiRuntimeCall& op) {
    TRY(no_flags(op));
    efi::Time time = get_time(op.u.set_time);
    op.status = TRY(efi::call(Service::SetTime, {pointer(&time)}));
    return {};
}

Result<> read_wakeup_time(abi::PlatformEfiRuntimeCall& op) {
    TRY(no_flags(op));
    efi::Time time{};
    u8 enabled = 0, pending = 0;
    op.status = TRY(efi::call(Service::GetWakeupTime, {pointer(&enabled), pointer(&pending), pointer(&time)}));
    if (efi::is_error(op.status)) return {};
    if (enabled) op.misc |= abi::efi_get_wakeup_time_enabled;
    if (pending) op.misc |= abi::efi_get_wakeup_time_pending;
    put_time(op.u.get_wakeup_time, time);
    return {};
}

Result<> set_wakeup_time(abi::PlatformEfiRuntimeCall& op) {
    using abi::efi_set_wakeup_time_enable, abi::efi_set_wakeup_time_enable_only;
    if (op.misc & ~(efi_set_wakeup_time_enable | efi_set_wakeup_time_enable_only)) return fail(Error::Invalid);
    efi::Time time = get_time(op.u.set_wakeup_time);
    const u64 given = op.misc & efi_set_wakeup_time_enable_only ? 0 : pointer(&time); // null: as it was set before
    op.status = TRY(efi::call(Service::SetWakeupTime, {op.misc & efi_set_wakeup_time_enable, given}));
    return {};
}

Result<> next_high_count(abi::PlatformEfiRuntimeCall& op) {
    TRY(no_flags(op));
    u32 count = 0;
    op.status = TRY(efi::call(Service::GetNextHighMonotonicCount, {pointer(&count)}));
    if (!efi::is_error(op.status)) op.misc = count;
    return {};
}

Result<> get_variable(abi::PlatformEfiRuntimeCall& op) {
    TRY(no_flags(op));
    auto& v = op.u.get_variable;
    // The firmware says so when a variable is larger than the room it is given.
    u64 size = std::min<u64>(v.size, largest_efi_variable);
    const Buffer name(longest_efi_name * sizeof(u16)), data(size);
    if (!name.is_valid() || !data.is_valid()) return fail(Error::NoMemory);
    TRY(copy_name(name.data<u16>(), v.name, longest_efi_name));
    efi::Guid vendor = get_guid(v.vendor_guid);
    const u64 room = size;
    u32 attributes = 0;
    op.status = TRY(efi::call(Service::GetVariable, {pointer(name.data()), pointer(&vendor), pointer(&attributes),
                                                     pointer(&size), room ? pointer(data.data()) : 0}));
    if (!efi::is_error(op.status) && size <= room) TRY(GuestPointer<u8>(v.data.address).write_array(data.data(), size));
    v.size = size;
    op.misc = attributes;
    return {};
}

Result<> set_variable(abi::PlatformEfiRuntimeCall& op) {
    auto& v = op.u.set_variable;
    if (v.size > largest_efi_variable) return fail(Error::NoMemory);
    const Buffer name(longest_efi_name * sizeof(u16)), data(v.size);
    if (!name.is_valid() || !data.is_valid()) return fail(Error::NoMemory);
    TRY(copy_name(name.data<u16>(), v.name, longest_efi_name));
    TRY(GuestPointer<u8>(v.data.address).read_array(data.data(), v.size));
    efi::Guid vendor = get_guid(v.vendor_guid);
    op.status = TRY(efi::call(Service::SetVariable,
                              {pointer(name.data()), pointer(&vendor), op.misc, v.size, pointer(data.data())}));
    return {};
}

Result<> next_variable_name(abi::PlatformEfiRuntimeCall& op) {
    TRY(no_flags(op));
    auto& n = op.u.get_next_variable_name;
    u64 size = std::min<u64>(n.size, longest_efi_name * sizeof(u16)) & ~u64{1};
    const u64 room = size;
    const Buffer name(longest_efi_name * sizeof(u16));
    if (!name.is_valid()) return fail(Error::NoMemory);
    TRY(copy_name(name.data<u16>(), n.name, room / sizeof(u16)));
    efi::Guid vendor = get_guid(n.vendor_guid);
    op.status = TRY(efi::call(Service::GetNextVariableName, {pointer(&size), pointer(name.data()), pointer(&vendor)}));
    if (!efi::is_error(op.status) && size <= room) {
        TRY(GuestPointer<u8>(n.name.address).write_array(name.data(), size));
        std::memcpy(&n.vendor_guid, &vendor, sizeof vendor);
    }
    n.size = size;
    return {};
}

Result<> variable_info(abi::PlatformEfiRuntimeCall& op) {
    if (op.misc & ~abi::efi_varinfo_boot_snapshot) return fail(Error::Invalid);
    if (op.misc & abi::efi_varinfo_boot_snapshot) return fail(Error::NotSupported); // nobody looked before dom0
    constexpr u32 uefi_2 = 2 << 16;
    if (efi::has_runtime_services() && efi::runtime_revision() < uefi_2) return fail(Error::NotSupported);
    auto& q = op.u.query_variable_info;
    u64 storage = 0, remaining = 0, largest = 0;
    op.status =
        TRY(efi::call(Service::QueryVariableInfo, {q.attr, pointer(&storage), pointer(&remaining), pointer(&largest)}));
    q.max_store_size = storage;
    q.remain_store_size = remaining;
    q.max_size = largest;
    return {};
}

} // namespace

Result<> efi_runtime_call(abi::PlatformEfiRuntimeCall& op) {
    using F = abi::EfiFunction;
    if (!efi::has_runtime_services()) return fail(Error::NoSys);
    switch (static_cast<F>(op.function)) {
    case F::GetTime: return read_time(op);
    case F::SetTime: return set_time(op);
    case F::GetWakeupTime: return read_wakeup_time(op);
    case F::SetWakeupTime: return set_wakeup_time(op);
    case F::GetNextHighMonotonicCount: return next_high_count(op);
    case F::GetVariable: return get_variable(op);
    case F::SetVariable: return set_variable(op);
    case F::GetNextVariableName: return next_variable_name(op);
    case F::QueryVariableInfo: return variable_info(op);
    case F::QueryCapsuleCapabilities:
    case F::UpdateCapsule: return fail(Error::NoSys); // as Xen 4.17
    default: return fail(Error::NoSys);
    }
}

} // namespace px::x86::platform
