// SPDX-License-Identifier: Apache-2.0
// A pseudo-terminal for one console, with a bounded buffer for output that nobody reads yet.
#pragma once

#include <string>
#include <string_view>

#include "xen/handle.hpp"

namespace xenconsoled {

class Terminal {
  public:
    /// Opens a pair in raw mode. We keep the slave open too, so that clients may come and go.
    [[nodiscard]] static xen::Result<Terminal> open();

    [[nodiscard]] int fd() const { return master_.get(); }
    /// Path of the slave, for clients.
    [[nodiscard]] std::string const& path() const { return path_; }

    /// Writes, and keeps what the terminal does not take. Beyond `limit` bytes either the oldest is dropped,
    /// or (`keep_oldest`) the newest.
    void write(std::string_view text, std::size_t limit, bool keep_oldest);
    /// Writes what was kept; call when the master is writable.
    void flush();
    [[nodiscard]] bool has_output() const { return sent_ < buffer_.size(); }
    /// Reads at most `room` bytes of input.
    [[nodiscard]] std::string read(std::size_t room) const;

  private:
    xen::FileDescriptor master_, slave_;
    std::string path_;
    std::string buffer_;
    std::size_t sent_ = 0;
};

} // namespace xenconsoled
