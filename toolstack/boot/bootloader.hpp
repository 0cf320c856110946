// SPDX-License-Identifier: Apache-2.0
// Boot loaders in domain 0 (pygrub and its like): programs that look into a guest's disk and say what to start.
#pragma once

#include "base/failure.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace boot {

/// Who a confined loader runs as: what it reads is its guest's to write, and a mistake in it is not to be root's.
struct User {
    uid_t user = 0;
    gid_t group = 0;
};

/// The user of that name in /etc/passwd, or a default one for loaders and device models where the name is empty.
/// Errors: there is none, or it is root.
toolstack::Result<User> find_user(std::string_view name, const char* passwd = "/etc/passwd");

/// What a boot loader is told.
struct Request {
    std::string program;                       ///< a path, or a name that is looked for beside Xen's tools and in PATH
    std::vector<std::string> arguments;        ///< the user's
    std::string kernel, ramdisk, command_line; ///< as configured; empty ones are left out
    std::string disk;                          ///< path of the guest's first disk
    /// Shows the loader's terminal (a pseudo-terminal's master) until it ends; without it, the loader talks to itself,
    /// and is ended after `limit_ms`: nobody presses the key that it may wait for.
    std::function<void(int terminal)> show;
    long limit_ms = 120000;
    /// Runs without root's rights, without a network, with mounts of its own, and bounded in what it may use; the disk
    /// must be readable by that user. pygrub does so itself when it is told to: it opens the disk before.
    std::optional<User> confined;
};

/// What it chose. The files lie in a folder of their own, which goes with this object.
class Choice {
  public:
    Choice(Choice&& other) noexcept { *this = std::move(other); }
    Choice& operator=(Choice&& other) noexcept;
    ~Choice();
    std::string kernel, ramdisk, command_line;

  private:
    friend toolstack::Result<Choice> run(const Request&);
    Choice() = default;
    std::string folder_;
};

/// Runs the loader and reads its answer. Errors: it cannot be started, fails, is interrupted, takes too long, names no
/// kernel, or (confined) names a file that it did not make.
toolstack::Result<Choice> run(const Request& request);

/// The answer in the loader's output: "kernel PATH", "ramdisk PATH" and "args TEXT", each ended by a NUL or a new line.
struct Answer {
    std::string kernel, ramdisk, command_line;
};
Answer parse_answer(std::string_view output);

} // namespace boot
