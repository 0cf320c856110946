// SPDX-License-Identifier: Apache-2.0
// Writing and rotating logs.
#include "log_file.hpp"

#include <ctime>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

namespace xenconsoled {

namespace {

constexpr int kept = 4;

} // namespace

void OpenLogs::use(LogFile& log) {
    if (!logs_.empty() && logs_.front() == &log) return;
    logs_.remove(&log);
    logs_.push_front(&log);
    if (logs_.size() <= most_) return;
    logs_.back()->close();
    logs_.pop_back();
}

LogFile::LogFile(std::string path, LogStyle style, OpenLogs& open)
    : path_{std::move(path)}, style_{style}, open_{open} {
    reopen();
}

void LogFile::reopen() {
    open_.use(*this);
    auto opened = xen::FileDescriptor::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (!opened) {
        file_.reset();
        if (!std::exchange(has_complained_, true)) ::syslog(LOG_ERR, "%s", opened.error().message().c_str());
        return;
    }
    has_complained_ = false;
    file_ = std::move(*opened);
    struct stat status{};
    size_ = ::fstat(file_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void LogFile::rotate() {
    for (int i = kept; i > 1; --i)
        (void)::rename(fmt::format("{}.{}", path_, i - 1).c_str(), fmt::format("{}.{}", path_, i).c_str());
    (void)::rename(path_.c_str(), (path_ + ".1").c_str());
    reopen();
}

std::string LogFile::dressed(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 32);
    for (char const c : text) {
        if (style_.stamp && std::exchange(at_line_start_, false))
            out += fmt::format("[{:%F %T}] ", fmt::localtime(std::time(nullptr)));
        out += style_.replace_escape && c == '\x1b' ? '.' : c;
        if (c == '\n') at_line_start_ = true;
    }
    return out;
}

void LogFile::write(std::string_view text) {
    if (file_) open_.use(*this);
    else reopen();
    if (!file_) return;
    std::string own;
    if (style_.stamp || style_.replace_escape) {
        own = dressed(text);
        text = own;
    }
    if (style_.size_limit && size_ + text.size() > style_.size_limit) rotate();
    while (!text.empty()) {
        ssize_t const written = ::write(file_.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return; // a full disk must not stop the consoles
        size_ += static_cast<std::uint64_t>(written);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace xenconsoled
