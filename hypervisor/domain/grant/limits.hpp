// SPDX-License-Identifier: Apache-2.0
// What the command line allows domains of grants.
#pragma once

#include "base/number.hpp"

namespace px::grant {

/// Constant after boot.
struct Limits {
    u32 max_version = 2;
    bool has_transitive = true;     ///< copies from and to grants of grants
    s32 max_frames = 64;            ///< of a table; also what a domain gets that does not ask
    s32 max_maptrack_frames = 1024; ///< of handles; the same
};
[[nodiscard]] const Limits& limits();

} // namespace px::grant
