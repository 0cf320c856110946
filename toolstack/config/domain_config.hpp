// SPDX-License-Identifier: Apache-2.0
// A guest as configured: the checked, typed outcome of a configuration file.
#pragma once

#include "config/cpuid.hpp"
#include "config/cpus.hpp"
#include "config/devices/disk.hpp"
#include "config/devices/vfb.hpp"
#include "config/devices/vif.hpp"
#include "config/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace config {

enum class GuestType : std::uint8_t { pv, pvh, hvm };

/// What to do when a guest stops by itself; in the order of the schema's words.
enum class Action : std::uint8_t {
    destroy,
    restart,
    rename_restart,
    preserve,
    coredump_destroy,
    coredump_restart,
    soft_reset,
};

/// How the guest sees the time stamp counter; the numbers are the hypervisor's.
enum class TscMode : std::uint8_t { automatic = 0, always_emulate = 1, native = 2 };

/// A run of I/O ports, or of machine frames.
struct Run {
    std::uint64_t first = 0, count = 0;
};

/// Parts of the machine itself that a PV guest may use.
struct MachineRights {
    std::vector<Run> ports, frames;
    std::vector<std::uint32_t> interrupts;
};

/// What only guests in hardware-assisted machines (PVH) have.
struct HardwareOptions {
    bool acpi = true;
    bool hap = true;                                ///< hardware-assisted paging; otherwise shadow page tables
    std::optional<std::uint64_t> paging_memory_kib; ///< what the hypervisor keeps the guest's physical map in
};

/// Which of the values that have defaults were given: a dry run shows no others.
struct Given {
    bool memory = false, max_memory = false, vcpus = false, max_vcpus = false;
};

/// Everything `create` needs to know about one guest. Sizes in KiB.
struct DomainConfig {
    std::string name;
    GuestType type = GuestType::pv;
    std::optional<Uuid> uuid;
    Given given;
    std::uint64_t memory_kib = 32 * 1024, max_memory_kib = 32 * 1024;
    unsigned vcpus = 1, max_vcpus = 1;
    std::vector<std::string> cpus, cpus_soft; ///< as written; one entry for all vCPUs if the flag below says so
    bool cpus_per_vcpu = false, cpus_soft_per_vcpu = false;
    std::vector<CpuSet> hard_affinity, soft_affinity; ///< of each vCPU, once the texts are resolved on a host
    std::optional<unsigned> weight, cap;
    std::string pool;
    Action on_poweroff = Action::destroy, on_reboot = Action::restart, on_crash = Action::destroy,
           on_watchdog = Action::destroy, on_soft_reset = Action::soft_reset;
    bool wants_pci = false; ///< pci= names devices, which nothing gives yet
    bool no_migrate = false, driver_domain = false, suspend_evtchn_compat = false;
    std::optional<std::uint32_t> max_grant_frames, max_maptrack_frames, max_grant_version, max_event_channels;
    std::string kernel, ramdisk, command_line;
    std::string bootloader; ///< program that finds the kernel in the guest's disk, or empty
    std::vector<std::string> bootloader_args;
    std::vector<CpuidLeaf> cpuid; ///< changes to the CPU that the guest sees
    TscMode tsc_mode = TscMode::automatic;
    bool local_time = false;
    std::int32_t time_offset = 0; ///< seconds
    HardwareOptions hardware;
    MachineRights rights;
    std::vector<Disk> disks;
    std::vector<Vif> vifs;
    std::vector<Vfb> vfbs;
    std::vector<std::string> warnings; ///< keys without effect, deprecated forms
};

std::string_view name(GuestType type);
std::string_view name(Action action);
std::string_view name(TscMode mode);

} // namespace config
