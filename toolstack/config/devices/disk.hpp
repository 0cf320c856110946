// SPDX-License-Identifier: Apache-2.0
// Disk specifications, positional and KEY=VALUE, with the prefixes of old files (docs/man xl-disk-configuration).
#pragma once

#include "base/failure.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace config {

/// Format of the data behind a disk.
enum class Format : std::uint8_t { raw, qcow, qcow2, qed, vhd, vmdk, empty };
/// Who serves the disk; `chosen` leaves it to the toolstack.
enum class Backend : std::uint8_t { chosen, phy, qdisk, tap, standalone };

/// One virtual disk as configured.
struct Disk {
    std::string target;       ///< path in the back end's domain; empty for an empty CD drive
    std::string vdev;         ///< name as written
    std::uint32_t number = 0; ///< of vdev
    Format format = Format::raw;
    Backend backend = Backend::chosen;
    std::string backend_domain; ///< name or id; empty is domain 0
    std::string script;         ///< hotplug script, or empty
    bool writable = true;
    bool force = false; ///< "w!": also when the target is in use elsewhere
    bool cdrom = false;
    bool direct_io_safe = false;
    std::optional<bool> discard;
    std::optional<bool> trusted;
    bool operator==(const Disk&) const = default;
};

/// Reads one specification. The virtual device must be given; a CD drive may have no target.
toolstack::Result<Disk> parse_disk(std::string_view text);

/// Canonical text that parse_disk reads back as an equal value.
std::string print(const Disk& disk);

std::string_view name(Format format);
std::string_view name(Backend backend);

} // namespace config
