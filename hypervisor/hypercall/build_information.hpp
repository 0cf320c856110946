// SPDX-License-Identifier: Apache-2.0
// What the image says of itself to guests and in its log.
#pragma once

#include "base/number.hpp"

#include <span>
#include <string_view>

namespace px {

/// Texts of xen_version.
struct BuildInformation {
    std::string_view extra_version; ///< after "4.17"
    std::string_view compiler, by, domain, date;
    std::string_view changeset;
};
extern const BuildInformation build_information;

/// The linker's build id of the image; empty if it has none. The linker script gives the bounds of its note.
[[nodiscard]] std::span<const u8> image_build_id();

} // namespace px
