// SPDX-License-Identifier: Apache-2.0
// Boot loaders in domain 0 (pygrub and its like): programs that look into a guest's disk and say what to start.
#pragma once

#include "base/failure.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace boot {

/// What a boot loader is told.
struct Request {
    std::string program;                       ///< a path, or a name that is looked for beside Xen's tools and in PATH
    std::vector<std::string> arguments;        ///< the user's
    std::string kernel, ramdisk, command_line; ///< as configured; empty ones are left out
    std::string disk;                          ///< path of the guest's first disk
    /// Shows the loader's terminal (a pseudo-terminal's master) until it ends; without it, the loader talks to itself.
    std::function<void(int terminal)> show;
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

/// Runs the loader and reads its answer. Errors: it cannot be started, fails, is interrupted, or names no kernel.
toolstack::Result<Choice> run(const Request& request);

/// The answer in the loader's output: "kernel PATH", "ramdisk PATH" and "args TEXT", each ended by a NUL or a new line.
struct Answer {
    std::string kernel, ramdisk, command_line;
};
Answer parse_answer(std::string_view output);

} // namespace boot
