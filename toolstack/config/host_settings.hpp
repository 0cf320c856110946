// SPDX-License-Identifier: Apache-2.0
// /etc/xen/xl.conf: the host's defaults for guests.
#pragma once

#include "base/failure.hpp"
#include "config/cpus.hpp"
#include "config/devices/vif.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// Defaults; empty or nothing where the file does not set them.
struct HostSettings {
    enum class Autoballoon : std::uint8_t { off, on, automatic };
    Autoballoon autoballoon = Autoballoon::automatic; ///< automatic: on where dom0_mem= was not given
    bool random_ids = false;                          ///< domid_policy: domains get random ids
    std::string cpus, cpus_pv, cpus_hvm;              ///< masks of every guest's hard affinity; empty: all CPUs
    std::string bridge, vif_script, gateway_device, vif_backend;
    std::optional<std::uint32_t> max_grant_frames, max_maptrack_frames, max_grant_version;
    bool claim = true;
    std::string lock_file = "/var/lock/xl";
    bool run_hotplug_scripts = true; ///< false: udev sets devices up, these tools leave it to it
    bool native_hotplug = true; ///< ours alone: false runs stock's scripts in place of what the tools do themselves
    bool bootloader_restrict = false;  ///< boot loaders run without root's rights ...
    std::string bootloader_user;       ///< ... as this user; empty: a default one
    std::vector<std::string> warnings; ///< keys that are unknown or have no effect here

    /// The CPUs that the masks leave to PV guests, or to the others.
    toolstack::Result<CpuSet> allowed_cpus(bool pv) const;
    /// Fills what the interface leaves open.
    void apply(Vif& vif) const;
};

/// A key of xl.conf, for its man page.
struct HostKey {
    std::string_view name, value, doc;
};
std::span<const HostKey> host_keys();

/// Reads the text of xl.conf.
toolstack::Result<HostSettings> parse_host_settings(std::string_view text, std::string_view source);

} // namespace config
