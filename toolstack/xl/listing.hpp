// SPDX-License-Identifier: Apache-2.0
// Read-only commands about domains.
#pragma once

#include "xl/command.hpp"

namespace xl {

Result<int> run_list(Context&, const Words&);
Result<int> run_vm_list(Context&, const Words&);
Result<int> run_claims(Context&, const Words&);
Result<int> run_sharing(Context&, const Words&);
Result<int> run_domid(Context&, const Words&);
Result<int> run_domname(Context&, const Words&);
Result<int> run_uptime(Context&, const Words&);
/// "xl list -l": the stored configuration of each domain, in libxl's JSON form.
Result<int> run_list_long(Context&, const Words&);

} // namespace xl
