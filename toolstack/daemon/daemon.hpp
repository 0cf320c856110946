// SPDX-License-Identifier: Apache-2.0
// What every daemon does once: leave its terminal, say that it is ready, write its process id.
#pragma once

#include <cstdint>
#include <string>

#include "xen/handle.hpp"

namespace toolstack {

/// The start of a daemon, from the fork to the moment when it serves.
class Startup {
  public:
    /// With `fork`, the calling process waits for ready() of its child and exits: 0 then, 1 if the child dies
    /// before. Returns in the child (or, without `fork`, at once).
    explicit Startup(bool fork);
    /// The daemon serves: writes the pid file (empty: none), tells systemd (Type=notify), lets the waiting
    /// parent go, and gives up the terminal, which until now showed errors.
    void ready(std::string const& pid_file);

  private:
    xen::FileDescriptor parent_;
};

/// Raises the number of files that the process may have open, as far towards `wanted` as it may.
void raise_file_limit(std::uint64_t wanted);

/// Asks the kernel to spare this process when memory runs out: guests hang on it. Nothing where that is not allowed.
void spare_from_memory_killer();

} // namespace toolstack
