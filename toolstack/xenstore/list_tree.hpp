// SPDX-License-Identifier: Apache-2.0
// The listing of xenstore-ls.
#pragma once

#include <string>

#include "store/client.hpp"

struct TreeStyle {
    bool full_path = false; ///< each line begins with the whole path, and no value is cut
    bool permissions = false;
};

/// Appends a line for each node below `path`: indented name, value, permissions; lines fit the terminal
/// (80 columns where there is none), longer values are cut.
[[nodiscard]] xen::Result<> list_tree(store::Client& client, store::Transaction t, std::string const& path,
                                      TreeStyle style, std::string& out);
