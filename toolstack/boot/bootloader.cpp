// SPDX-License-Identifier: Apache-2.0
// Boot loaders: a child with a terminal of its own, its arguments as libxl gives them, its answer in a file.
#include "boot/bootloader.hpp"

#include "base/stop_signal.hpp"
#include "base/text.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace boot {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr std::string_view tool_folders[] = {"/usr/lib/xen-4.17/bin/", "/usr/lib/xen/bin/"};
constexpr auto log_path = "/var/log/xen/bootloader.log";
constexpr off_t log_limit = 1 << 20; ///< bytes: guests write into it; what is older is put aside once, as .1
constexpr std::string_view default_users[] = {"xen-bootloader", "xen-qemuuser-shared"};

/// Old configurations name a path where pygrub has not been for years.
std::string find_program(std::string name) {
    if (name == "/usr/bin/pygrub") name = "pygrub";
    if (name.find('/') != std::string::npos) return name;
    for (auto folder : tool_folders)
        if (auto path = std::string(folder) + name; access(path.c_str(), X_OK) == 0) return path;
    return name; // execvp looks in PATH
}

/// Whether the loader gives its rights up by itself: it can open the disk as root before it reads any of it.
bool confines_itself(const Request& request) {
    return std::string_view(request.program).substr(request.program.rfind('/') + 1) == "pygrub";
}

std::vector<std::string> command_of(const Request& request, const std::string& folder, const std::string& output) {
    std::vector<std::string> words{find_program(request.program)};
    if (!request.kernel.empty()) words.push_back("--kernel=" + request.kernel);
    if (!request.ramdisk.empty()) words.push_back("--ramdisk=" + request.ramdisk);
    if (!request.command_line.empty()) words.push_back("--args=" + request.command_line);
    words.push_back("--output=" + output);
    words.push_back("--output-format=simple0");
    words.push_back("--output-directory=" + folder);
    if (request.confined && confines_itself(request)) {
        words.push_back(fmt::format("--runas={}", request.confined->user));
        words.push_back("--quiet");
    }
    words.insert(words.end(), request.arguments.begin(), request.arguments.end());
    words.push_back(request.disk);
    return words;
}

/// Gives up what a loader does not need. Gives what could not be done, or null.
const char* confine(const User& user) {
    constexpr rlim_t most_bytes = rlim_t{1} << 30, most_file = rlim_t{512} << 20, most_cpu_s = 300, most_processes = 64;
    if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC) != 0) return "no namespaces of its own";
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "no mounts of its own";
    const std::pair<int, rlim_t> limits[] = {
        {RLIMIT_CORE, 0},         {RLIMIT_AS, most_bytes},        {RLIMIT_FSIZE, most_file},
        {RLIMIT_CPU, most_cpu_s}, {RLIMIT_NPROC, most_processes}, {RLIMIT_MEMLOCK, 0}};
    for (auto& [what, most] : limits) {
        rlimit limit{most, most};
        if (setrlimit(static_cast<__rlimit_resource>(what), &limit) != 0) return "no limits";
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "no bound on its rights";
    if (setgroups(0, nullptr) != 0 || setresgid(user.group, user.group, user.group) != 0 ||
        setresuid(user.user, user.user, user.user) != 0 || setuid(0) == 0)
        return "no other user";
    return nullptr;
}

[[noreturn]] void become(const std::vector<std::string>& words, const std::optional<User>& user) {
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) signal(number, SIG_DFL);
    if (auto missing = user ? confine(*user) : nullptr) {
        dprintf(STDOUT_FILENO, "it cannot be confined: %s: %s\r\n", missing, std::strerror(errno));
        _exit(126);
    }
    execvp(arguments[0], arguments.data());
    dprintf(STDOUT_FILENO, "%s: %s\r\n", arguments[0], std::strerror(errno));
    _exit(127);
}

long now_ms() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/// The log, bounded.
int open_log() {
    struct stat status{};
    if (stat(log_path, &status) == 0 && status.st_size > log_limit)
        rename(log_path, (std::string(log_path) + ".1").c_str());
    return open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

/// How a loader's work went.
struct Ending {
    std::string said; ///< the last of it
    int status = 0;   ///< as waitpid() gives it
    bool late = false, interrupted = false;
};

/// Keeps a terminal empty until the loader has ended, in time or not. What it started and left running goes with it.
Ending drain(int terminal, pid_t child, long limit_ms) {
    constexpr std::size_t most = 4096, most_log = 256 << 10;
    constexpr long grace_ms = 2000;
    toolstack::StopSignals stop;
    Ending ending;
    int log = open_log();
    std::size_t logged = 0;
    char buffer[1024];
    bool ended = false, asked = false;
    auto deadline = limit_ms < 0 ? LONG_MAX : now_ms() + limit_ms;
    for (;;) {
        pollfd file{terminal, POLLIN, 0};
        (void)poll(&file, 1, ended ? 0 : 100);
        auto got = file.revents ? read(terminal, buffer, sizeof buffer) : 0;
        if (got > 0) {
            auto size = static_cast<std::size_t>(got);
            if (log >= 0 && logged < most_log) (void)!write(log, buffer, size);
            logged += size;
            ending.said.append(buffer, size);
            if (ending.said.size() > most) ending.said.erase(0, ending.said.size() - most);
        }
        if (ended && got <= 0) break;
        if (!ended) ended = waitpid(child, &ending.status, WNOHANG) == child;
        if (ended) {
            kill(-child, SIGKILL);
            if (logged > most_log) break;
        } else if (now_ms() >= deadline || (stop.asked() && !asked)) {
            if (!asked) ending.late = now_ms() >= deadline;
            kill(-child, asked ? SIGKILL : SIGTERM);
            deadline = now_ms() + grace_ms;
            asked = true;
        } else if (file.revents && got <= 0) { // nobody has the other side any more
            timespec pause{0, 10000000};
            nanosleep(&pause, nullptr);
        }
    }
    if (log >= 0) close(log);
    ending.interrupted = stop.asked();
    return ending;
}

std::string last_line(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    auto at = text.find_last_of("\r\n");
    return toolstack::printable(at == std::string::npos ? text : text.substr(at + 1)); // they are its guest's words
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
        while (auto entry = readdir(dir))
            if (unlinkat(dirfd(dir), entry->d_name, 0) != 0) unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
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

Result<User> find_user(std::string_view name, const char* passwd) {
    if (name.empty())
        for (auto each : default_users)
            if (auto user = find_user(each, passwd)) return user;
    auto wanted = name.empty() ? default_users[0] : name;
    auto file = fopen(passwd, "re");
    std::optional<User> found;
    while (auto entry = file && !found ? fgetpwent(file) : nullptr)
        if (wanted == entry->pw_name) found = User{entry->pw_uid, entry->pw_gid};
    if (file) fclose(file);
    if (found && found->user == 0) return fail("bootloader_user is root", "name another in /etc/xen/xl.conf");
    if (found) return *found;
    return fail(fmt::format("bootloader_restrict: there is no user '{}'", wanted),
                fmt::format("make one: useradd --system --no-create-home --shell /usr/sbin/nologin {}", wanted));
}

namespace {

/// A confined loader's files are its own: it must not make root read another one for its guest. The folder is root's by
/// now, so that what it left running cannot exchange them. `user`: whose they must be, where it did not confine itself.
Result<void> check_made(const std::string& path, const std::string& folder, const std::optional<User>& user) {
    struct stat status{};
    bool inside = path.starts_with(folder + "/") && path.find('/', folder.size() + 1) == std::string::npos;
    if (inside && lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        (!user || status.st_uid == user->user))
        return {};
    return fail(fmt::format("it names '{}', which is no file that it made", toolstack::printable(path)));
}

Result<void> check_ending(const Ending& ending, const Request& request, const std::string& name) {
    auto code = WEXITSTATUS(ending.status);
    if (ending.late)
        return fail(fmt::format("{} did not answer within {} s", name, request.limit_ms / 1000),
                    "it may wait for a key: see what it shows with xl create -c, and set a timeout in its menu");
    if (ending.interrupted) return fail("interrupted", "nothing is left behind");
    if (WIFSIGNALED(ending.status)) return fail(fmt::format("{} ended by signal {}", name, WTERMSIG(ending.status)));
    if (code == 127)
        return fail(fmt::format("{} cannot be started: {}", name, last_line(ending.said)), "give its whole path");
    if (code)
        return fail(fmt::format("{} failed with status {}: {}", name, code, last_line(ending.said)),
                    fmt::format("see {}", log_path));
    return {};
}

} // namespace

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
    auto user = confines_itself(request) ? std::nullopt : request.confined;
    if (user &&
        (chown(folder.c_str(), user->user, user->group) != 0 || chown(output.c_str(), user->user, user->group) != 0))
        return fail(fmt::format("cannot give '{}' to the loader's user: {}", folder, std::strerror(errno)));
    auto words = command_of(request, folder, output);
    int terminal = -1;
    auto child = forkpty(&terminal, nullptr, nullptr, nullptr);
    if (child == 0) become(words, user);
    if (child < 0) return fail(fmt::format("cannot start the boot loader: {}", std::strerror(errno)));
    if (request.show) request.show(terminal);
    auto ending = drain(terminal, child, request.show ? -1 : request.limit_ms);
    close(terminal);
    auto name = fmt::format("boot loader '{}'", request.program);
    if (request.confined && chown(folder.c_str(), 0, 0) != 0)
        return fail(fmt::format("cannot take '{}' back: {}", folder, std::strerror(errno)));
    TRY(check_ending(ending, request, name));
    auto made = [&](const std::string& path) -> Result<void> {
        if (path.empty() || !request.confined) return {};
        auto checked = check_made(path, folder, user);
        return checked ? Result<void>{} : std::unexpected(in(name, std::move(checked).error()));
    };
    TRY(made(output)); // it might be another's, or a pipe that nobody writes to
    auto answer = parse_answer(contents(output));
    if (answer.kernel.empty()) return fail(fmt::format("{} names no kernel", name), fmt::format("see {}", log_path));
    TRY(made(answer.kernel));
    TRY(made(answer.ramdisk));
    choice.kernel = std::move(answer.kernel);
    choice.ramdisk = std::move(answer.ramdisk);
    choice.command_line = std::move(answer.command_line);
    return choice;
}

} // namespace boot
