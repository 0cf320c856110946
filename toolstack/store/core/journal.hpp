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
/// a header names the format and the boot. A journal of another boot is ignored, one of an older format read, one
/// of a newer format refused. A frame that was cut short by SIGKILL fails its checksum; it and what follows are
/// dropped.
class Journal {
  public:
    /// The format that is written; all from 1 on are read.
    static constexpr unsigned format = 2;
    static constexpr std::size_t all_frames = SIZE_MAX;

    /// Opens or creates; gives the records of each whole frame of this boot, in order, to `restore`, until that returns
    /// false (the frame makes no sense) or `most` frames are done. Writes nothing. EPROTONOSUPPORT for a newer format.
    [[nodiscard]] static xen::Result<Journal>
    open(std::string path, std::function<bool(std::string_view)> const& restore, std::size_t most = all_frames);

    /// Writes one frame. On failure the journal is as before the call.
    [[nodiscard]] xen::Result<> append(std::string_view records);
    /// Replaces all by one frame, atomically. On failure the journal is as before the call.
    [[nodiscard]] xen::Result<> rewrite(std::string_view records);
    /// True once much of the file is history, and from the start where append() cannot go on with the file.
    [[nodiscard]] bool wants_rewrite() const { return must_rewrite() || size_ > 2 * snapshot_size_ + (4u << 20); }
    /// The file is to be kept as it is: only rewrite() goes on, in a new one.
    void retire() { must_rewrite_ = true; }
    /// True where the file has no header of this boot and format, or holds what was refused.
    [[nodiscard]] bool must_rewrite() const { return must_rewrite_; }
    /// True if there was a journal of this boot to go on from.
    [[nodiscard]] bool was_there() const { return frames_ != 0; }
    /// Frames that `restore` took.
    [[nodiscard]] std::size_t frames() const { return frames_; }
    /// True where the file is no journal, or `restore` refused a frame: worth keeping to be looked at.
    [[nodiscard]] bool was_refused() const { return was_refused_; }
    /// What had to be left out, for the log; empty if nothing.
    [[nodiscard]] std::string const& complaint() const { return complaint_; }

  private:
    Journal() = default;
    [[nodiscard]] xen::Result<> load(std::function<bool(std::string_view)> const& restore, std::size_t most);
    std::string path_;
    xen::FileDescriptor file_;
    std::string frame_; // reused
    std::uint64_t size_ = 0;
    std::uint64_t snapshot_size_ = 0;
    std::size_t frames_ = 0;
    bool must_rewrite_ = true;
    bool has_tail_ = false; ///< behind size_ stands what append() must take away first
    bool was_refused_ = false;
    std::string complaint_;
};

} // namespace store
