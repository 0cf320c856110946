// SPDX-License-Identifier: Apache-2.0
// console: our terminal joined to the one that the console daemon keeps for a guest.
#include "base/text.hpp"
#include "xl/life.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace xl {
namespace {

constexpr char escape = 0x1d; // Ctrl-]

/// Raw mode while it lives, if the descriptor is a terminal.
class Raw {
  public:
    explicit Raw(int fd) : fd_(fd), active_(tcgetattr(fd, &before_) == 0) {
        if (!active_) return;
        auto raw = before_;
        cfmakeraw(&raw);
        tcsetattr(fd, TCSANOW, &raw); // what was typed ahead is for the guest
    }
    ~Raw() {
        if (active_) tcsetattr(fd_, TCSADRAIN, &before_);
    }
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;

  private:
    int fd_;
    termios before_{};
    bool active_;
};

bool write_all(int fd, const char* data, std::size_t size) {
    while (size > 0) {
        auto done = write(fd, data, size);
        if (done < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (done <= 0) return false;
        data += done;
        size -= static_cast<std::size_t>(done);
    }
    return true;
}

} // namespace

Result<int> talk(int terminal) {
    fflush(stdout);
    Raw raw(STDIN_FILENO);
    Raw other(terminal); // the guest's side does the echo
    pollfd files[] = {{terminal, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    char buffer[4096];
    for (;;) {
        if (poll(files, 2, -1) < 0 && errno != EINTR) return fail(fmt::format("console: {}", std::strerror(errno)));
        if (files[0].revents) {
            auto got = read(terminal, buffer, sizeof buffer);
            if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (got <= 0 || !write_all(STDOUT_FILENO, buffer, static_cast<std::size_t>(got)))
                return exit_good; // its end
        }
        if (files[1].revents) {
            auto got = read(STDIN_FILENO, buffer, sizeof buffer);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) {
                files[1].fd = -1; // no more input; go on showing
                continue;
            }
            auto stop = static_cast<char*>(std::memchr(buffer, escape, static_cast<std::size_t>(got)));
            auto size = stop ? static_cast<std::size_t>(stop - buffer) : static_cast<std::size_t>(got);
            if (!write_all(terminal, buffer, size)) return exit_good;
            if (stop) return exit_good;
        }
    }
}

Result<int> open_console(Context& context, DomId id, unsigned number) {
    constexpr int patience_ms = 5000;
    auto& client = *TRY(context.session.store());
    auto path = number == 0 ? domain::path_of(id) + "/console/tty"
                            : fmt::format("{}/device/console/{}/tty", domain::path_of(id), number);
    auto tty = client.get(path);
    if (!tty || tty->empty()) {
        TRY(domain::or_fail(client.watch(path, "console"), "cannot watch the console"));
        for (int waited = 0; (!tty || tty->empty()) && waited < patience_ms; waited += 500) {
            TRY(domain::or_fail(client.next_event(500), "xenstore"));
            tty = client.get(path);
        }
        (void)client.unwatch(path, "console");
    }
    if (!tty || tty->empty())
        return fail(fmt::format("domain {} has no console {}", id.value, number),
                    "is xenconsoled running? see xl doctor");
    // A guest may own the node of a further console: it must not choose among dom0's files.
    constexpr std::string_view terminals = "/dev/pts/";
    if (!tty->starts_with(terminals) || !toolstack::to_unsigned(tty->substr(terminals.size())))
        return fail(fmt::format("the console of domain {} is no terminal", id.value), fmt::format("see {}", path));
    int fd = open(tty->c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return fail(fmt::format("cannot open the console's terminal '{}': {}", *tty, std::strerror(errno)));
    return fd;
}

Result<int> run_console(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    auto number = words.value('n') ? toolstack::to_unsigned(*words.value('n')) : std::optional<std::uint64_t>(0);
    if (!number || *number > 255) return fail(fmt::format("'{}' is not a console's number", *words.value('n')));
    if (auto type = words.value('t'); type && *type != "pv")
        return fail(fmt::format("console type '{}' is not supported", *type), "use -t pv");
    int terminal = TRY(open_console(context, id, static_cast<unsigned>(*number)));
    auto ended = talk(terminal);
    close(terminal);
    return ended;
}

} // namespace xl
