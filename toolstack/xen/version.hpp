// SPDX-License-Identifier: Apache-2.0
// What the hypervisor says about itself (hypercall xen_version, public/version.h).
#pragma once

#include "abi/version.hpp"
#include "xen/control.hpp"

#include <string>

namespace xen {

/// Major and minor number.
struct VersionNumber {
    unsigned major = 0, minor = 0;
};
[[nodiscard]] Result<VersionNumber> version_number(Control const&);
[[nodiscard]] Result<std::string> extra_version(Control const&);
[[nodiscard]] Result<abi::CompileInfo> compile_info(Control const&);
[[nodiscard]] Result<std::string> capabilities(Control const&);
[[nodiscard]] Result<std::string> changeset(Control const&);
[[nodiscard]] Result<std::string> command_line(Control const&);
[[nodiscard]] Result<std::uint64_t> virtual_start(Control const&);
[[nodiscard]] Result<long> reported_page_size(Control const&);
/// Hexadecimal digits; empty where the hypervisor has none.
[[nodiscard]] Result<std::string> build_id(Control const&);

} // namespace xen
