// SPDX-License-Identifier: Apache-2.0
// Pseudo-terminals.
#include "terminal.hpp"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace xenconsoled {

xen::Result<Terminal> Terminal::open() {
    Terminal terminal;
    terminal.master_ = xen::FileDescriptor{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)};
    if (!terminal.master_) return xen::fail_errno("cannot open a pseudo-terminal");
    std::array<char, 64> name{};
    if (::grantpt(terminal.fd()) < 0 || ::unlockpt(terminal.fd()) < 0 ||
        ::ptsname_r(terminal.fd(), name.data(), name.size()) != 0)
        return xen::fail_errno("cannot set up a pseudo-terminal (is /dev/pts mounted?)");
    terminal.path_ = name.data();
    terminal.slave_ = XEN_TRY(xen::FileDescriptor::open(name.data(), O_RDWR | O_NOCTTY));
    termios settings{};
    if (::tcgetattr(terminal.slave_.get(), &settings) < 0) return xen::fail_errno("tcgetattr");
    ::cfmakeraw(&settings);
    if (::tcsetattr(terminal.slave_.get(), TCSAFLUSH, &settings) < 0) return xen::fail_errno("tcsetattr");
    return terminal;
}

void Terminal::write(std::string_view text, std::size_t limit, bool keep_oldest) {
    buffer_.append(text);
    flush();
    std::size_t const waiting = buffer_.size() - sent_;
    if (waiting <= limit) return;
    if (keep_oldest) buffer_.resize(sent_ + limit);
    else sent_ += waiting - limit;
    if (sent_ > (64u << 10)) {
        buffer_.erase(0, sent_);
        sent_ = 0;
    }
}

void Terminal::flush() {
    while (has_output()) {
        ssize_t const written = ::write(fd(), buffer_.data() + sent_, buffer_.size() - sent_);
        if (written <= 0) return;
        sent_ += static_cast<std::size_t>(written);
    }
    buffer_.clear();
    sent_ = 0;
}

std::string Terminal::read(std::size_t room) const {
    std::string text(room, '\0');
    ssize_t const got = ::read(fd(), text.data(), text.size());
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

} // namespace xenconsoled
