// SPDX-License-Identifier: Apache-2.0
// Locks between the tools of one host. All belong to an open file, not to a process: threads exclude one another too,
// and closing another descriptor of the same file does not let go.
#pragma once

#include "base/failure.hpp"
#include "xen/handle.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace host {

/// Held from take() to the end of the object's life. Ends with the process, however that ends.
class Lock {
  public:
    Lock(Lock&& other) noexcept = default;
    Lock& operator=(Lock&& other) noexcept;
    ~Lock();

    /// A record lock on a file that stays. Stock xl takes xl.conf's lockfile in this way while it creates. Waits;
    /// Ctrl-C (StopSignals) ends the wait as a failure. The folder of the file must exist. `remedy` is said when the
    /// file cannot be locked.
    [[nodiscard]] static toolstack::Result<Lock> take(const std::string& path, std::string remedy = {});
    /// The same for a lock of these tools alone, in /run/xen, which is made where it is missing.
    [[nodiscard]] static toolstack::Result<Lock> take_own(std::string_view name);

    /// A lock on a file that goes with its last holder, by flock(), as libxl locks a domain's files.
    [[nodiscard]] static toolstack::Result<Lock> take_passing(const std::string& path);
    /// The same without waiting: nothing when somebody has it.
    [[nodiscard]] static toolstack::Result<std::optional<Lock>> try_passing(const std::string& path);
    /// A lock on a file that is there already: nothing when it is not, or somebody holds it.
    [[nodiscard]] static std::optional<Lock> try_existing(const std::string& path);

    /// The locked file.
    int fd() const { return file_.get(); }
    /// The file is not removed when the lock ends.
    void leave_file() { passing_.clear(); }

  private:
    explicit Lock(xen::FileDescriptor file, std::string passing = {})
        : file_(std::move(file)), passing_(std::move(passing)) {}
    xen::FileDescriptor file_;
    std::string passing_; ///< path of a file that goes with the lock
};

/// A file in /run/xen, which is made where it is missing.
std::string run_path(std::string_view name);

} // namespace host
