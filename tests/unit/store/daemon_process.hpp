// SPDX-License-Identifier: Apache-2.0
// The real xenstored, without a hypervisor, in a folder of its own, as a child that can be killed.
#pragma once

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "store/client.hpp"

namespace store::test {

/// A folder that is there as long as the object, and where clients of this process look for the daemon.
struct Rundir {
    Rundir() {
        static int count = 0;
        path = std::filesystem::temp_directory_path() /
               ("xenstored-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
        std::filesystem::create_directories(path);
        ::setenv("XENSTORED_RUNDIR", path.c_str(), 1);
        ::unsetenv("XENSTORED_PATH");
    }
    ~Rundir() { std::filesystem::remove_all(path); }
    Rundir(Rundir const&) = delete;
    std::string operator/(char const* name) const { return (path / name).string(); }
    std::filesystem::path path;
};

class DaemonProcess {
  public:
    /// `prepare` runs in the child before it becomes the daemon.
    explicit DaemonProcess(Rundir const& folder, std::function<void()> prepare = {})
        : folder_{folder.path.string()}, prepare_{std::move(prepare)} {
        start();
    }
    ~DaemonProcess() { kill(); }
    DaemonProcess(DaemonProcess const&) = delete;

    void start() {
        process_ = ::fork();
        if (process_ != 0) return;
        if (prepare_) prepare_();
        ::execl(XENSTORED, "xenstored", "--no-domains", "-N", "-T", (folder_ + "/log").c_str(), "--rundir",
                folder_.c_str(), nullptr);
        _exit(127);
    }
    void kill() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        (void)wait();
    }
    /// Its exit status; 128 and the signal where that ended it.
    int wait() {
        int status = 0;
        ::waitpid(std::exchange(process_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    [[nodiscard]] pid_t process() const { return process_; }

  private:
    std::string folder_;
    std::function<void()> prepare_;
    pid_t process_ = -1;
};

/// A client of a daemon that may be starting.
inline std::optional<Client> connect() {
    auto link = Link::wait_for_socket(Clock::now() + std::chrono::seconds(10));
    if (!link) return std::nullopt;
    return Client(std::move(*link));
}

} // namespace store::test
