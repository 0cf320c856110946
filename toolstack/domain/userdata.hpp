// SPDX-License-Identifier: Apache-2.0
// Files that the toolstack keeps for each domain, where libxl keeps them, so that both find them.
#pragma once

#include "config/uuid.hpp"
#include "domain/session.hpp"
#include "host/lock.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace domain {

/// The lock under which a running domain gets and loses devices and its files change: libxl's own, so that stock tools
/// and these keep each other out. Ctrl-C (StopSignals) ends the wait.
Result<host::Lock> lock_domain(DomId, const config::Uuid&);

/// Contents of /var/lib/xen/userdata-d.ID.UUID.NAME.
std::optional<std::string> load_userdata(DomId, const config::Uuid&, std::string_view name);

/// Writes it: whoever is killed meanwhile, it is the old text or the new one, whole. The caller holds lock_domain(),
/// unless the domain is still being made.
Result<void> save_userdata(DomId, const config::Uuid&, std::string_view name, std::string_view text);

/// Removes everything kept for a domain.
void remove_userdata(DomId, const config::Uuid&);

} // namespace domain
