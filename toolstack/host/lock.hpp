// SPDX-License-Identifier: Apache-2.0
// The lock that serialises what tools may not do at the same time on one host.
#pragma once

#include "base/failure.hpp"
#include "xen/handle.hpp"

#include <string>
#include <string_view>

namespace host {

/// Held from take() to the end of the object's life; a process must not take one twice. Stock xl takes xl.conf's
/// lockfile in the same way while it creates.
class Lock {
  public:
    /// Waits for the lock; Ctrl-C (StopSignals) ends the wait as a failure. The folder of the file must exist.
    /// `remedy` is said when the file cannot be locked.
    [[nodiscard]] static toolstack::Result<Lock> take(const std::string& path, std::string remedy = {});
    /// The same for a lock of these tools alone, in /run/xen, which is made where it is missing.
    [[nodiscard]] static toolstack::Result<Lock> take_own(std::string_view name);

  private:
    explicit Lock(xen::FileDescriptor file) : file_(std::move(file)) {}
    xen::FileDescriptor file_;
};

} // namespace host
