// SPDX-License-Identifier: Apache-2.0
// A guest's memory and registers as a file.
#pragma once

#include "base/failure.hpp"
#include "xen/control.hpp"
#include "xen/domctl.hpp"

#include <string>
#include <string_view>

namespace core {

/// Where core files of crashed guests go.
inline constexpr std::string_view core_folder = "/var/lib/xen/dump";

/// Writes an ELF core of the domain. A guest that runs goes on: pause it first for a picture of one moment. Pages of
/// zeroes become holes in the file. On a failure (a full disk) no file is left.
toolstack::Result<void> dump_core(const xen::Control&, const xen::DomainInfo&, const std::string& path);

} // namespace core
