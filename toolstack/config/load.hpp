// SPDX-License-Identifier: Apache-2.0
// From settings to a checked guest configuration.
#pragma once

#include "base/failure.hpp"
#include "config/domain_config.hpp"
#include "config/value.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// Checks every setting against the schema (type, range, words), then combinations, and gives the configuration.
/// `source` names the file in messages. `log` describes each ignored or unknown key in DomainConfig::warnings.
toolstack::Result<DomainConfig> load(std::span<const Setting> settings, std::string_view source);

/// Text of a file plus `key=value` overrides, parsed, merged and loaded.
toolstack::Result<DomainConfig> load_text(std::string_view text, std::string_view source,
                                          std::span<const std::string> overrides = {});

} // namespace config
