// SPDX-License-Identifier: Apache-2.0
// Writing guests' clocks, with the version protocols of public/xen.h and public/vcpu.h.
#include "domain/time.hpp"

#include "domain/domain_list.hpp"
#include "machine/machine.hpp"

namespace px {

namespace {

/// Order of stores that a guest on another CPU observes.
void store_fence() { std::atomic_thread_fence(std::memory_order_release); }

abi::VcpuTimeInfo time_info_now(const Domain& domain, u32 version) {
    const machine::TimeScale scale = domain.own_time_scale ? *domain.own_time_scale : machine::time_scale();
    abi::VcpuTimeInfo info{};
    info.version = version;
    info.tsc_timestamp = scale.base_tsc;
    info.system_time = scale.base_time;
    info.tsc_to_system_mul = scale.multiplier;
    info.tsc_shift = scale.shift;
    info.flags = machine::cycles_are_reliable() ? abi::pvclock_tsc_stable : 0;
    return info;
}

/// The version is odd while the rest changes. The guest may scribble over it: that harms only itself.
void store_time_info(const Domain& domain, volatile abi::VcpuTimeInfo& to) {
    const u64 flags = irq_save(); // refresh_time_info_here() must not come in between
    const u32 version = (to.version & ~1u) + 1;
    const abi::VcpuTimeInfo info = time_info_now(domain, version + 1);
    to.version = version;
    store_fence();
    to.tsc_timestamp = info.tsc_timestamp;
    to.system_time = info.system_time;
    to.tsc_to_system_mul = info.tsc_to_system_mul;
    to.tsc_shift = info.tsc_shift;
    to.flags = info.flags;
    store_fence();
    to.version = info.version;
    irq_restore(flags);
}

bool write_time_area(Vcpu& vcpu) {
    const volatile u32& version = vcpu.info->time.version; // the guest's to change, and harmless
    const abi::VcpuTimeInfo info = time_info_now(vcpu.domain, version & ~1u);
    return vcpu.copy_to_guest(vcpu.time_area, &info, sizeof(info)) == 0;
}

bool write_runstate_area(Vcpu& vcpu) {
    abi::VcpuRunstateInfo info = vcpu.runstate;
    const GuestVaddr area = vcpu.runstate_area;
    constexpr u64 entry_time = offsetof(abi::VcpuRunstateInfo, state_entry_time);
    const bool has_update_flag = vcpu.domain.vm_assist >> static_cast<u32>(abi::VmAssistType::RunstateUpdateFlag) & 1;
    if (has_update_flag) {
        info.state_entry_time |= abi::runstate_update;
        if (vcpu.copy_to_guest(area + entry_time, &info.state_entry_time, sizeof(u64)) != 0) return false;
        store_fence();
    }
    if (vcpu.copy_to_guest(area, &info, sizeof(info)) != 0) return false;
    if (has_update_flag) {
        store_fence();
        info.state_entry_time &= ~abi::runstate_update;
        if (vcpu.copy_to_guest(area + entry_time, &info.state_entry_time, sizeof(u64)) != 0) return false;
    }
    return true;
}

/// The contents are constant, but the guest may have put another page there: written again every second, which is as
/// often as guests of Xen see theirs change.
bool refresh_time_area(Vcpu& vcpu) {
    constexpr Nanoseconds shelf_life = 1'000'000'000;
    const Nanoseconds now = machine::now();
    const bool is_constant = vcpu.domain.own_time_scale || machine::cycles_are_reliable();
    if (vcpu.time_area_written != 0 && is_constant && now - vcpu.time_area_written < shelf_life) return true;
    if (!write_time_area(vcpu)) return false;
    vcpu.time_area_written = now;
    return true;
}

} // namespace

void write_time_info(Vcpu& vcpu) {
    if (!vcpu.info) return;
    vcpu.time_version = machine::time_scale_version(); // first: what changes meanwhile is written again
    store_time_info(vcpu.domain, vcpu.info->time);
}

void refresh_time_info(Vcpu& vcpu) {
    // Domain builders clear the shared page after the vCPU was made.
    const volatile u32& multiplier = vcpu.info->time.tsc_to_system_mul;
    const bool is_good = vcpu.time_version == machine::time_scale_version() && machine::cycles_are_reliable();
    if (multiplier != 0 && (is_good || vcpu.domain.own_time_scale)) [[likely]]
        return;
    if (multiplier != 0) vcpu.time_area_written = 0;
    write_time_info(vcpu);
}

void refresh_time_info_here() {
    if (Vcpu* vcpu = current_or_null(); vcpu && !vcpu->is_idle()) refresh_time_info(*vcpu);
}

void write_wall_clock(Domain& domain) {
    volatile abi::SharedInfo* shared = domain.shared_info;
    if (!shared) return;
    const u64 time = machine::wall_clock_base() + domain.time_offset_ns;
    const u64 seconds = time / 1'000'000'000;
    Guard guard(domain.lock);
    const u32 version = (shared->wc_version & ~1u) + 1;
    shared->wc_version = version;
    store_fence();
    shared->wc_sec = static_cast<u32>(seconds);
    shared->wc_sec_hi = static_cast<u32>(seconds >> 32);
    shared->wc_nsec = static_cast<u32>(time % 1'000'000'000);
    store_fence();
    shared->wc_version = version + 1;
}

void write_all_wall_clocks() {
    for (DomainRef domain = next_domain(DomId(0)); domain; domain = next_domain(domain->id + 1))
        write_wall_clock(*domain);
}

void write_clocks(Domain& domain) {
    for (u32 i = 0; i < domain.max_vcpus; ++i)
        if (Vcpu* vcpu = domain.vcpus[i]) {
            write_time_info(*vcpu);
            vcpu->time_area_written = 0;
        }
    write_wall_clock(domain);
}

void register_runstate_area(Vcpu& vcpu, GuestVaddr area) {
    vcpu.runstate_area = area;
    // The area of another vCPU is filled when that one next runs.
    if (&vcpu == &current()) update_guest_areas(vcpu);
}

void register_time_area(Vcpu& vcpu, GuestVaddr area) {
    vcpu.time_area = area;
    vcpu.time_area_written = 0;
    if (&vcpu == &current()) update_guest_areas(vcpu);
}

void update_guest_areas(Vcpu& vcpu) {
    bool is_done = true;
    if (vcpu.runstate_area.is_valid() && vcpu.runstate_area.raw() != 0) is_done = write_runstate_area(vcpu);
    if (vcpu.time_area.is_valid() && vcpu.time_area.raw() != 0) is_done &= refresh_time_area(vcpu);
    vcpu.areas_are_stale = !is_done;
}

} // namespace px
