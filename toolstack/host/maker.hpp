// SPDX-License-Identifier: Apache-2.0
// Work in progress that must not be left half done: who does it writes it down first, and holds that file locked. Where
// the file is there and nobody holds it, its maker has died, and the next one who comes along undoes or finishes it.
#pragma once

#include "host/lock.hpp"

#include <functional>
#include <string>
#include <vector>

namespace host {

/// A piece of work, known by a random token. What was written down goes at the end of the object's life.
class Maker {
  public:
    /// `what` is a line for whoever has to mend it. Errors: /run/xen cannot be written.
    [[nodiscard]] static toolstack::Result<Maker> begin(std::string_view what);
    Maker(Maker&&) noexcept = default;

    /// 16 hexadecimal digits: the mark of ownership on what is made.
    const std::string& token() const { return token_; }
    /// Writes down how far it is.
    [[nodiscard]] toolstack::Result<void> note(std::string_view what);
    /// Could not be undone: what is written down stays, for the next one who comes.
    void leave_behind() { lock_.leave_file(); }

  private:
    Maker(std::string token, Lock lock) : token_(std::move(token)), lock_(std::move(lock)) {}
    std::string token_;
    Lock lock_;
};

/// Work whose maker has died, held by us now: two do not mend it at once. It is forgotten at the end of the object's
/// life, unless left behind.
struct Unfinished {
    std::string token, what;
    Lock lock;
    void leave_behind() { lock.leave_file(); }
};

/// Work whose makers have died: all of it, or what is `wanted`, which is given its line.
std::vector<Unfinished> unfinished(const std::function<bool(std::string_view)>& wanted = {});

/// The lines of all work that is written down, whether its makers live, have died, or somebody mends it.
std::vector<std::string> in_progress();

} // namespace host
