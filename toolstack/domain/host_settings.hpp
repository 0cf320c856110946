// SPDX-License-Identifier: Apache-2.0
// The host's defaults, from /etc/xen/xl.conf.
#pragma once

#include "config/domain_config.hpp"
#include "config/host_settings.hpp"

namespace domain {

/// Reads the file; a missing one gives the built-in defaults.
toolstack::Result<config::HostSettings> host_settings();

/// Fills what a guest's configuration leaves open.
void apply(const config::HostSettings& settings, config::DomainConfig& guest);

} // namespace domain
