// SPDX-License-Identifier: Apache-2.0
// Commands about the life of a domain, and its console.
#pragma once

#include "xl/command.hpp"

#include <sys/types.h>

namespace xl {

Result<int> run_create(Context&, const Words&);
Result<int> run_config(Context&, const Words&);
Result<int> run_config_update(Context&, const Words&);
Result<int> run_destroy(Context&, const Words&);
Result<int> run_shutdown(Context&, const Words&);
Result<int> run_reboot(Context&, const Words&);
Result<int> run_console(Context&, const Words&);
Result<int> run_dump_core(Context&, const Words&);
Result<int> run_watchd(Context&, const Words&);

Result<int> run_vncviewer(Context&, const Words&);

/// Starts a viewer of the domain's VNC display, with its password if wanted; `alone`: in the background, and outliving
/// us.
Result<pid_t> start_viewer(Context&, DomId, bool with_password, bool alone);
/// Connects standard input and output with a console's terminal until Ctrl-] or its end.
Result<int> talk(int terminal);
/// Opens the terminal of a domain's console, waiting for it for a while.
Result<int> open_console(Context&, DomId, unsigned number);

} // namespace xl
