// SPDX-License-Identifier: Apache-2.0
// The journal file: frames of records, each written whole before anybody is told of what it says.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "xen/handle.hpp"

namespace store {

/// An append-only file on a memory file system. It survives the death of the daemon, not of the machine:
/// a header names the boot, and a journal of another boot is ignored. A frame that was cut short by
/// SIGKILL fails its checksum; it and what follows are dropped.
class Journal {
  public:
    /// Opens or creates; gives the records of each whole frame, in order, to `restore`, until that returns
    /// false (the journal makes no sense: EBADMSG).
    [[nodiscard]] static xen::Result<Journal> open(std::string path,
                                                   std::function<bool(std::string_view)> const& restore);

    /// Writes one frame. On failure the journal is as before the call.
    [[nodiscard]] xen::Result<> append(std::string_view records);
    /// Replaces all by one frame, atomically.
    [[nodiscard]] xen::Result<> rewrite(std::string_view records);
    /// True once much of the file is history.
    [[nodiscard]] bool wants_rewrite() const { return size_ > 2 * snapshot_size_ + (4u << 20); }
    /// True if there was a journal of this boot to go on from.
    [[nodiscard]] bool was_there() const { return was_there_; }

  private:
    Journal() = default;
    [[nodiscard]] xen::Result<> load(std::function<bool(std::string_view)> const& restore);
    std::string path_;
    xen::FileDescriptor file_;
    std::string frame_; // reused
    std::uint64_t size_ = 0;
    std::uint64_t snapshot_size_ = 0;
    bool was_there_ = false;
};

} // namespace store
