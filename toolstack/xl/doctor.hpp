// SPDX-License-Identifier: Apache-2.0
// Commands that help people: doctor, completion, man pages, top.
#pragma once

#include "xl/command.hpp"

namespace xl {

Result<int> run_doctor(Context&, const Words&);
Result<int> run_completion(Context&, const Words&);
Result<int> run_man(Context&, const Words&);
Result<int> run_top(Context&, const Words&);

} // namespace xl
