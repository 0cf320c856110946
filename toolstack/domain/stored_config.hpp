// SPDX-License-Identifier: Apache-2.0
// The configuration kept for a running domain: what a restart uses, changed when devices come and go.
#pragma once

#include "config/domain_config.hpp"
#include "domain/session.hpp"

#include <string>

namespace domain {

/// The configuration of a domain that this toolstack made; a failure when none is kept.
Result<config::DomainConfig> stored_config(Session&, DomId);
/// Its text.
Result<std::string> stored_text(Session&, DomId);

/// Replaces it. Name and UUID stay those of the domain.
Result<void> replace_stored_config(Session&, DomId, const std::string& text);

/// Device changes, in the text (if one is kept) and in libxl's JSON (if that is kept).
Result<void> remember(Session&, DomId, const config::Disk&);
Result<void> remember(Session&, DomId, const config::Vif&);
Result<void> forget_disk(Session&, DomId, std::uint32_t number);
Result<void> forget_vif(Session&, DomId, unsigned devid);

} // namespace domain
