// SPDX-License-Identifier: Apache-2.0
// Commands about disks and network interfaces of running domains.
#pragma once

#include "xl/command.hpp"

namespace xl {

Result<int> run_block_list(Context&, const Words&);
Result<int> run_block_attach(Context&, const Words&);
Result<int> run_block_detach(Context&, const Words&);
Result<int> run_network_list(Context&, const Words&);
Result<int> run_network_attach(Context&, const Words&);
Result<int> run_network_detach(Context&, const Words&);

} // namespace xl
