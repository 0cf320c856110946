// SPDX-License-Identifier: Apache-2.0
// Log files that are rotated by size, and opened anew on SIGHUP for logrotate.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "xen/handle.hpp"

namespace xenconsoled {

struct LogStyle {
    bool stamp = false;          ///< a time before each line
    bool replace_escape = false; ///< no control sequences in the log
    std::uint64_t size_limit = 0;
};

class LogFile;

/// Which logs have their files open: those written last, at most so many. A guest that says nothing takes no
/// descriptor.
class OpenLogs {
  public:
    explicit OpenLogs(std::size_t most = 32) : most_{most} {}
    /// The log is written now; may close the one that was not for the longest time.
    void use(LogFile& log);
    void forget(LogFile& log) { logs_.remove(&log); }

  private:
    std::size_t most_;
    std::list<LogFile*> logs_; // written last at the front
};

/// Appends to `path`; at the size limit path becomes path.1, that path.2, and so on to path.4, which is lost.
class LogFile {
  public:
    LogFile(std::string path, LogStyle style, OpenLogs& open);
    ~LogFile() { open_.forget(*this); }
    LogFile(LogFile const&) = delete;
    void write(std::string_view text);
    /// Goes on in the file that has the path now, which is made if there is none.
    void reopen();
    void close() { file_.reset(); }
    [[nodiscard]] bool is_open() const { return static_cast<bool>(file_); }

  private:
    void rotate();
    [[nodiscard]] std::string dressed(std::string_view text);
    std::string path_;
    LogStyle style_;
    OpenLogs& open_;
    xen::FileDescriptor file_;
    std::uint64_t size_ = 0;
    bool at_line_start_ = true;
    bool has_complained_ = false;
};

} // namespace xenconsoled
