// SPDX-License-Identifier: Apache-2.0
// The lock that serialises what tools may not do at the same time on one host.
#pragma once

#include "base/failure.hpp"
#include "xen/handle.hpp"

#include <string>

namespace host {

/// Held from take() to the end of the object's life. Stock xl takes the same lock (xl.conf's lockfile) while it
/// creates.
class Lock {
  public:
    /// Waits for the lock; Ctrl-C (StopSignals) ends the wait as a failure. The folder of the file must exist.
    [[nodiscard]] static toolstack::Result<Lock> take(const std::string& path);

  private:
    explicit Lock(xen::FileDescriptor file) : file_(std::move(file)) {}
    xen::FileDescriptor file_;
};

} // namespace host
