// SPDX-License-Identifier: Apache-2.0
// What the tested parts logged.
#pragma once

#include <string>
#include <vector>

extern std::vector<std::string> logged;
