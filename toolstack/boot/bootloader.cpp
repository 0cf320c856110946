// SPDX-License-Identifier: Apache-2.0
// Boot loaders: a child with a terminal of its own, its arguments as libxl gives them, its answer in a file.
#include "boot/bootloader.hpp"

#include "base/stop_signal.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace boot {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr std::string_view tool_folders[] = {"/usr/lib/xen-4.17/bin/", "/usr/lib/xen/bin/"};
constexpr auto log_path = "/var/log/xen/bootloader.log";

/// Old configurations name a path where pygrub has not been for years.
std::string find_program(std::string name) {
    if (name == "/usr/bin/pygrub") name = "pygrub";
    if (name.find('/') != std::string::npos) return name;
    for (auto folder : tool_folders)
        if (auto path = std::string(folder) + name; access(path.c_str(), X_OK) == 0) return path;
    return name; // execvp looks in PATH
}

std::vector<std::string> command_of(const Request& request, const std::string& folder, const std::string& output) {
    std::vector<std::string> words{find_program(request.program)};
    if (!request.kernel.empty()) words.push_back("--kernel=" + request.kernel);
    if (!request.ramdisk.empty()) words.push_back("--ramdisk=" + request.ramdisk);
    if (!request.command_line.empty()) words.push_back("--args=" + request.command_line);
    words.push_back("--output=" + output);
    words.push_back("--output-format=simple0");
    words.push_back("--output-directory=" + folder);
    words.insert(words.end(), request.arguments.begin(), request.arguments.end());
    words.push_back(request.disk);
    return words;
}

[[noreturn]] void become(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) signal(number, SIG_DFL);
    execvp(arguments[0], arguments.data());
    dprintf(STDOUT_FILENO, "%s: %s\r\n", arguments[0], std::strerror(errno));
    _exit(127);
}

/// Keeps a terminal empty until its other side is closed; gives the last of what it said.
std::string drain(int terminal, pid_t child) {
    constexpr std::size_t most = 4096;
    toolstack::StopSignals stop;
    std::string said;
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    char buffer[1024];
    for (;;) {
        pollfd file{terminal, POLLIN, 0};
        if (poll(&file, 1, 200) < 0 && errno != EINTR) break;
        if (stop.asked()) kill(child, SIGTERM);
        if (!file.revents) continue;
        auto got = read(terminal, buffer, sizeof buffer);
        if (got <= 0) break; // EIO: nobody has the other side any more
        if (log >= 0) (void)!write(log, buffer, static_cast<std::size_t>(got));
        said.append(buffer, static_cast<std::size_t>(got));
        if (said.size() > most) said.erase(0, said.size() - most);
    }
    if (log >= 0) close(log);
    return said;
}

std::string last_line(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    auto at = text.find_last_of("\r\n");
    return at == std::string::npos ? text : text.substr(at + 1);
}

std::string contents(const std::string& path) {
    constexpr std::size_t most = 64 << 10;
    std::string text(most, '\0');
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    auto got = read(fd, text.data(), text.size());
    close(fd);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

} // namespace

Choice& Choice::operator=(Choice&& other) noexcept {
    std::swap(kernel, other.kernel);
    std::swap(ramdisk, other.ramdisk);
    std::swap(command_line, other.command_line);
    std::swap(folder_, other.folder_);
    return *this;
}

Choice::~Choice() {
    if (folder_.empty()) return;
    if (auto dir = opendir(folder_.c_str())) {
        while (auto entry = readdir(dir)) unlinkat(dirfd(dir), entry->d_name, 0);
        closedir(dir);
    }
    rmdir(folder_.c_str());
}

Answer parse_answer(std::string_view output) {
    Answer answer;
    while (!output.empty()) {
        auto end = output.find_first_of(std::string_view("\0\n", 2));
        auto line = output.substr(0, end);
        output.remove_prefix(end == std::string_view::npos ? output.size() : end + 1);
        auto space = line.find(' ');
        if (space == std::string_view::npos) continue;
        auto key = line.substr(0, space), value = line.substr(space + 1);
        if (key == "kernel") answer.kernel = value;
        else if (key == "ramdisk") answer.ramdisk = value;
        else if (key == "args") answer.command_line = value;
    }
    return answer;
}

Result<Choice> run(const Request& request) {
    Choice choice;
    std::string folder = "/run/xen/bootloader.XXXXXX";
    mkdir("/run/xen", 0755);
    if (!mkdtemp(folder.data())) return fail(fmt::format("cannot make '{}': {}", folder, std::strerror(errno)));
    choice.folder_ = folder;
    auto output = folder + "/output";
    int empty = open(output.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (empty < 0) return fail(fmt::format("cannot make '{}': {}", output, std::strerror(errno)));
    close(empty);
    auto words = command_of(request, folder, output);
    int terminal = -1;
    auto child = forkpty(&terminal, nullptr, nullptr, nullptr);
    if (child == 0) become(words);
    if (child < 0) return fail(fmt::format("cannot start the boot loader: {}", std::strerror(errno)));
    if (request.show) request.show(terminal);
    auto said = drain(terminal, child);
    close(terminal);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    auto name = fmt::format("boot loader '{}'", request.program);
    if (WIFSIGNALED(status)) return fail(fmt::format("{} ended by signal {}", name, WTERMSIG(status)));
    if (WEXITSTATUS(status) == 127)
        return fail(fmt::format("{} cannot be started: {}", name, last_line(said)), "give its whole path");
    if (WEXITSTATUS(status))
        return fail(fmt::format("{} failed with status {}: {}", name, WEXITSTATUS(status), last_line(said)),
                    fmt::format("see {}", log_path));
    auto answer = parse_answer(contents(output));
    if (answer.kernel.empty()) return fail(fmt::format("{} names no kernel", name), fmt::format("see {}", log_path));
    choice.kernel = std::move(answer.kernel);
    choice.ramdisk = std::move(answer.ramdisk);
    choice.command_line = std::move(answer.command_line);
    return choice;
}

} // namespace boot
