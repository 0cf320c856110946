// SPDX-License-Identifier: Apache-2.0
// The xenstore commands: xenstore-read, -write, -ls, -list, -rm, -exists, -chmod, -watch, -control.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "store/client.hpp"

/// What the options of a command line say; each command looks at its own.
struct Arguments {
    bool prefix = false;      ///< read, list: the path before each line
    bool raw = false;         ///< read, write: no escapes
    bool full_path = false;   ///< ls
    bool permissions = false; ///< ls
    bool tidy = false;        ///< rm: also parents that have become empty
    bool recursive = false;   ///< chmod
    bool upto_root = false;   ///< chmod: also the parents
    long events = -1;         ///< watch: how many; negative: for ever
    std::span<char*> operands;
};

/// Does one command. Output collects in `out` (watch prints at once). An Error with code EAGAIN asks for
/// another try; one with code 0 has been reported already and means exit status 1.
using Command = xen::Result<> (*)(store::Client&, store::Transaction, Arguments const&, std::string& out);

struct Mode {
    std::string_view name;
    std::string_view options; ///< letters of getopt()
    std::string_view usage;   ///< what follows "[-h]"
    std::size_t least, most;  ///< number of operands
    bool in_transaction;      ///< with several operands, all in one transaction
    Command run;
};

/// Null where there is no such mode.
[[nodiscard]] Mode const* find_mode(std::string_view name);
