// SPDX-License-Identifier: Apache-2.0
// Hotplug scripts.
#include "domain/hotplug.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr int time_limit_ms = 30000; ///< a script that hangs must not hang the tools

long now_ms() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/// A started script; its process is reaped by finish().
struct Running {
    const Device* device;
    pid_t process;
};

std::vector<std::string> environment_of(const Device& device) {
    std::vector<std::string> out;
    for (auto entry = environ; *entry; ++entry) {
        std::string_view text = *entry;
        if (!text.starts_with("XENBUS_") && !text.starts_with("vif=") && !text.starts_with("script=")) out.emplace_back(text);
    }
    auto base = path_of(device.back) + "/";
    out.push_back("script=" + device.script);
    out.push_back("XENBUS_TYPE=" + device.kind);
    out.push_back("XENBUS_PATH=" + device.back_path().substr(base.size()));
    out.push_back("XENBUS_BASE_PATH=backend");
    for (auto& [key, value] : device.script_environment) out.push_back(key + "=" + value);
    return out;
}

Result<Running> start(const Device& device, bool up) {
    bool vif = device.kind == "vif";
    std::vector<std::string> words = {device.script, vif ? (up ? "online" : "offline") : (up ? "add" : "remove")};
    if (vif) words.push_back("type_if=vif");
    std::vector<std::string> environment = environment_of(device);
    std::vector<char*> arguments, variables;
    for (auto& word : words) arguments.push_back(word.data());
    for (auto& variable : environment) variables.push_back(variable.data());
    arguments.push_back(nullptr);
    variables.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&files, 2, 1); // what it prints must not mix with our output
    pid_t process = 0;
    int error = posix_spawn(&process, device.script.c_str(), &files, nullptr, arguments.data(), variables.data());
    posix_spawn_file_actions_destroy(&files);
    if (error)
        return fail(fmt::format("{}: cannot run the hotplug script '{}': {}", device.label, device.script, std::strerror(error)),
                    error == EACCES ? "make it executable: chmod +x" : "see script=, and /etc/xen/scripts");
    return Running{&device, process};
}

Result<void> finish(Session& session, const Running& running, bool up, long deadline) {
    int status = 0;
    int handle = static_cast<int>(syscall(SYS_pidfd_open, running.process, 0));
    pollfd poller{handle, POLLIN, 0};
    auto left = std::max(0L, deadline - now_ms());
    bool done = handle < 0 || poll(&poller, 1, static_cast<int>(left)) > 0;
    if (handle >= 0) close(handle);
    if (!done) kill(running.process, SIGKILL);
    while (waitpid(running.process, &status, 0) < 0 && errno == EINTR) {}
    auto& device = *running.device;
    if (!done) return fail(fmt::format("{}: the hotplug script '{}' hangs", device.label, device.script), "see /var/log/xen/xen-hotplug.log");
    auto& client = *TRY(session.store());
    auto hotplug = up ? client.get(device.back_path() + "/hotplug-status") : std::nullopt;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && hotplug != "error") return {};
    auto message = client.get(device.back_path() + "/hotplug-error");
    return fail(fmt::format("{}: the hotplug script '{}' failed{}{}", device.label, device.script, message ? ": " : "", message.value_or("")),
                message ? "" : "see /var/log/xen/xen-hotplug.log");
}

} // namespace

Result<void> run_scripts(Session& session, const std::vector<Device>& devices, bool up) {
    Result<void> result;
    std::vector<Running> running;
    for (auto& device : devices) {
        if (device.script.empty()) continue;
        auto started = start(device, up);
        if (started) running.push_back(*started);
        else if (result) result = std::unexpected(std::move(started).error());
    }
    auto deadline = now_ms() + time_limit_ms;
    for (auto& script : running) {
        auto finished = finish(session, script, up, deadline);
        if (!finished && result) result = std::move(finished);
    }
    return result;
}

} // namespace domain
