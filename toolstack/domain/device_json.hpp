// SPDX-License-Identifier: Apache-2.0
// Devices in libxl's JSON, one by one. Only for files that use the library.
#pragma once

#include "config/devices/disk.hpp"
#include "config/devices/vif.hpp"

#include <nlohmann/json.hpp>
#include <optional>

namespace domain {

nlohmann::ordered_json disk_json(const config::Disk& disk);
nlohmann::ordered_json vif_json(const config::Vif& vif, unsigned devid);

/// The device that an object of libxl's describes; nothing when it is none. What these tools write comes back equal,
/// but for what libxl has no word for (a forced writer, the format vmdk, `trusted`).
std::optional<config::Disk> disk_of_json(const nlohmann::ordered_json& item);
std::optional<config::Vif> vif_of_json(const nlohmann::ordered_json& item);

} // namespace domain
