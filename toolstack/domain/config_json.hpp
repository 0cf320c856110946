// SPDX-License-Identifier: Apache-2.0
// A guest's configuration in libxl's JSON form, which stock tools read back ("xl list -l" shows it).
#pragma once

#include "config/domain_config.hpp"
#include "xen/numbers.hpp"

#include <string>

namespace domain {

/// The text of the file userdata-d.ID.UUID.libxl-json. `vifs` have their MACs.
std::string to_libxl_json(const config::DomainConfig& config, const config::Uuid& uuid);

/// What a dry run shows: the same, without what libxl adds only when it makes the domain. `-N block-attach` and
/// `-N network-attach` show one device so.
std::string planned_json(const config::DomainConfig& config, const config::Uuid& uuid);
std::string planned_json(const config::Disk& disk);
std::string planned_json(const config::Vif& vif);

/// Pretty text as libxl's generator lays it out, from any JSON text; the text itself when it is not JSON.
std::string pretty_json(const std::string& text);

} // namespace domain
