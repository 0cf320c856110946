// SPDX-License-Identifier: Apache-2.0
// Work done by a forked child.
#include "base/in_child.hpp"

#include "base/stop_signal.hpp"
#include "base/timing.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace toolstack {
namespace {

// The answer's first byte; a failure's text and remedy follow, with a NUL between them.
constexpr char answered = 'A', failed = 'F';

[[noreturn]] void be_child(int out, const std::function<Result<std::string>()>& work) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); // the work is for the parent alone
    auto result = work();
    auto text = result ? answered + *result : failed + result.error().what + '\0' + result.error().remedy;
    print_times();
    for (std::size_t done = 0; done < text.size();) {
        auto put = write(out, text.data() + done, text.size() - done);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) _exit(1);
        done += static_cast<std::size_t>(put);
    }
    _exit(0);
}

constexpr int slice_ms = 200; ///< so soon a wish to stop is heard that came just before a wait

/// The child's answer. Who is asked to stop does not wait for it.
std::string read_all(int in, pid_t child) {
    std::string text;
    char buffer[1024];
    for (;;) {
        pollfd file{in, POLLIN, 0};
        while (poll(&file, 1, slice_ms) <= 0)
            if (StopSignals::asked()) kill(child, SIGKILL); // its end is the end of the file
        auto got = read(in, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return text;
        text.append(buffer, static_cast<std::size_t>(got));
    }
}

} // namespace

Result<std::string> bytes_from_child(const std::function<Result<std::string>()>& work) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return fail(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    pid_t child = fork();
    if (child == 0) be_child(ends[1], work);
    auto error = errno;
    close(ends[1]);
    std::string text;
    int status = 0;
    if (child > 0) {
        text = read_all(ends[0], child);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    }
    close(ends[0]);
    if (child < 0) return fail(fmt::format("cannot start a process: {}", std::strerror(error)));
    if (WIFSIGNALED(status) && StopSignals::asked()) return fail("interrupted", "nothing is left behind");
    if (WIFSIGNALED(status)) return fail(fmt::format("a child process was killed by signal {}", WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0 || text.empty()) return fail("a child process gave no answer");
    if (text[0] == answered) return text.substr(1);
    auto end = text.find('\0');
    return fail(text.substr(1, end - 1), end == std::string::npos ? "" : text.substr(end + 1));
}

} // namespace toolstack
