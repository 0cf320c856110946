// SPDX-License-Identifier: Apache-2.0
// Files that the toolstack keeps for each domain, where libxl keeps them, so that both find them.
#pragma once

#include "config/uuid.hpp"
#include "domain/session.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace domain {

/// Contents of /var/lib/xen/userdata-d.ID.UUID.NAME.
std::optional<std::string> load_userdata(DomId, const config::Uuid&, std::string_view name);

/// Writes it, atomically.
Result<void> save_userdata(DomId, const config::Uuid&, std::string_view name, std::string_view text);

/// Removes everything kept for a domain.
void remove_userdata(DomId, const config::Uuid&);

} // namespace domain
