// SPDX-License-Identifier: Apache-2.0
// /etc/xen/xl.conf: the host's defaults for guests.
#pragma once

#include "base/failure.hpp"
#include "config/vif.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// Defaults; empty or nothing where the file does not set them.
struct HostSettings {
    std::string bridge, vif_script, gateway_device, vif_backend;
    std::optional<std::uint32_t> max_grant_frames, max_maptrack_frames, max_grant_version;
    bool claim = true;
    std::vector<std::string> warnings; ///< unknown keys, old names

    /// Fills what the interface leaves open.
    void apply(Vif& vif) const;
};

/// Reads the text of xl.conf.
toolstack::Result<HostSettings> parse_host_settings(std::string_view text, std::string_view source);

} // namespace config
