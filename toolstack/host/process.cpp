// SPDX-License-Identifier: Apache-2.0
// Other programs.
#include "host/process.hpp"

#include "base/stop_signal.hpp"
#include "base/text.hpp"
#include "xen/handle.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace host {
namespace {

constexpr long slice_ms = 200; ///< so soon a wish to stop is heard that came just before a wait

/// An anonymous file: programs read and write it without a pipe that could fill up.
Result<xen::FileDescriptor> scratch() {
    xen::FileDescriptor file(memfd_create("program", MFD_CLOEXEC));
    if (!file) return fail(fmt::format("no memory for a program's text: {}", std::strerror(errno)));
    return file;
}

std::string contents(int fd) {
    std::string text;
    char buffer[4096];
    off_t at = 0;
    for (ssize_t got; (got = pread(fd, buffer, sizeof buffer, at)) > 0; at += got)
        text.append(buffer, static_cast<std::size_t>(got));
    return text;
}

} // namespace

long now_ms() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

std::vector<std::string> environment_without(const std::vector<std::string_view>& prefixes) {
    std::vector<std::string> out;
    for (char** entry = environ; *entry; ++entry) {
        std::string_view text = *entry;
        if (std::ranges::none_of(prefixes, [&](auto prefix) { return text.starts_with(prefix); }))
            out.emplace_back(text);
    }
    return out;
}

Result<pid_t> start(const Program& program) {
    auto words = program.words, environment = program.environment;
    std::vector<char*> arguments, variables;
    for (auto& word : words) arguments.push_back(word.data());
    for (auto& variable : environment) variables.push_back(variable.data());
    arguments.push_back(nullptr);
    variables.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    if (program.input < 0) posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    else posix_spawn_file_actions_adddup2(&files, program.input, 0);
    if (program.errors != 2) posix_spawn_file_actions_adddup2(&files, program.errors, 2);
    posix_spawn_file_actions_adddup2(&files, program.output, 1);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    sigset_t none; // what we hold back is not held back for it
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                             (program.own_session ? POSIX_SPAWN_SETSID : 0)));
    pid_t process = 0;
    int error = posix_spawnp(&process, words[0].c_str(), &files, &attributes, arguments.data(),
                             environment.empty() ? environ : variables.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error)
        return fail(fmt::format("cannot run '{}': {}", words[0], std::strerror(error)),
                    error == EACCES ? "make it executable: chmod +x" : "is it installed?");
    return process;
}

std::optional<int> finish(pid_t process, long deadline) {
    int status = 0, handle = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
    pollfd poller{handle, POLLIN, 0};
    bool done = handle < 0;
    for (long left; !done && !toolstack::StopSignals::asked() && (left = deadline - now_ms()) > 0;)
        done = poll(&poller, 1, static_cast<int>(std::min(left, slice_ms))) > 0;
    if (handle >= 0) close(handle);
    if (!done) kill(getpgid(process) == process ? -process : process, SIGKILL); // what it started goes with it
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {}
    if (!done) return std::nullopt;
    return status;
}

Result<std::string> run(std::vector<std::string> words, std::string_view input, int limit_ms) {
    auto in = TRY(scratch()), out = TRY(scratch()), errors = TRY(scratch());
    if (pwrite(in.get(), input.data(), input.size(), 0) != static_cast<ssize_t>(input.size()))
        return fail("no memory for a program's input");
    Program program{
        .words = std::move(words), .environment = {}, .input = in.get(), .output = out.get(), .errors = errors.get()};
    auto status = finish(TRY(start(program)), now_ms() + limit_ms);
    if (!status && toolstack::StopSignals::asked()) return fail("interrupted", "nothing is left behind");
    if (!status) return fail(fmt::format("'{}' hangs", program.words[0]));
    if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return contents(out.get());
    auto said = contents(errors.get());
    return fail(fmt::format("'{}' failed: {}", program.words[0], toolstack::trim(said.substr(0, said.find('\n')))));
}

} // namespace host
