// SPDX-License-Identifier: Apache-2.0
// Where a command's time goes: marks that are printed at its end when PROXENOS_TIMING is set.
#pragma once

#include <string_view>

namespace toolstack {

/// Notes that `what` is done now. With PROXENOS_TIMING in the environment, the end of the program prints to standard
/// error how many ticks of the time-stamp counter lie between each mark and the one before; else this does nothing.
/// `what` must outlive the program's main(). Not for several threads.
void mark_time(std::string_view what);

/// Prints what was marked so far, for a process that ends by _exit(). The end prints the rest.
void print_times();

} // namespace toolstack
