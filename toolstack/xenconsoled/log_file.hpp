// SPDX-License-Identifier: Apache-2.0
// A log file that is rotated by size, and opened anew on SIGHUP for logrotate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "xen/handle.hpp"

namespace xenconsoled {

struct LogStyle {
    bool stamp = false;          ///< a time before each line
    bool replace_escape = false; ///< no control sequences in the log
    std::uint64_t size_limit = 0;
};

/// Appends to `path`; at the size limit path becomes path.1, that path.2, and so on to path.4.
class LogFile {
  public:
    LogFile() = default;
    LogFile(std::string path, LogStyle style);
    void write(std::string_view text);
    void reopen();
    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(file_); }

  private:
    void rotate();
    [[nodiscard]] std::string dressed(std::string_view text);
    std::string path_;
    LogStyle style_;
    xen::FileDescriptor file_;
    std::uint64_t size_ = 0;
    bool at_line_start_ = true;
};

} // namespace xenconsoled
