// SPDX-License-Identifier: Apache-2.0
// The configuration kept for a running domain: one document (JSON, with a version) of what a restart uses, changed
// whole when devices come and go. Beside it libxl's JSON, which stock tools read and change.
#pragma once

#include "config/domain_config.hpp"
#include "config/value.hpp"
#include "domain/session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace domain {

/// What the document says.
struct Kept {
    std::vector<config::Setting> settings; ///< each key once, as in a configuration file
    std::int64_t started = 0;              ///< seconds of the host's clock since its boot
    unsigned quick = 0;                    ///< so many times in a row it stopped soon after its start
};

/// Seconds since the host booted, sleep counted: the clock of Kept::started.
std::int64_t boot_seconds();

/// The document as text, and back. `libxl` is the text of libxl's JSON that goes with it, `before` the one that is
/// replaced: where libxl's file is neither, other tools have changed it since. Errors: it is none, or of a newer
/// version.
std::string print(const Kept&, std::string_view libxl, std::string_view before);
Result<Kept> parse_kept(std::string_view text);

/// The same of what these tools kept before there was the document: statements as in a file, of which the last of a key
/// counts.
Result<Kept> parse_kept_statements(std::string_view text);

/// The text of settings that libxl's file, changed by other tools, makes of those kept: disks and interfaces that came
/// and went meanwhile.
void take_over(std::vector<config::Setting>& settings, std::string_view libxl_json);

/// What is kept for a domain that this toolstack made; a failure when nothing is.
Result<Kept> stored(Session&, DomId);
/// Its configuration, checked.
Result<config::DomainConfig> load(const Kept&);

/// Keeps it for a domain that is being made. `libxl` is libxl's JSON.
Result<void> keep(DomId, const config::Uuid&, const Kept&, const std::string& libxl);

/// Replaces it. Name and UUID stay those of the domain.
Result<void> replace_stored_config(Session&, DomId, std::vector<config::Setting> settings);

/// A device that came or went.
struct DeviceChange {
    std::optional<config::Disk> disk;
    std::optional<config::Vif> vif;
    std::optional<std::uint32_t> gone_disk; ///< vdev number
    std::optional<unsigned> gone_vif;       ///< devid
};

/// Changes what is kept, in the document (if one is) and in libxl's JSON (if that is). The caller holds lock_domain().
Result<void> change_kept(Session&, DomId, const DeviceChange&);

} // namespace domain
