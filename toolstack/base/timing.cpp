// SPDX-License-Identifier: Apache-2.0
// Marks of time.
#include "base/timing.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
#include <vector>

namespace toolstack {
namespace {

struct Mark {
    std::string_view what;
    std::uint64_t ticks;
    pid_t process;
};

/// Printed when the program ends, so that printing is in no figure but the last.
class Marks {
  public:
    Marks() : wanted_(std::getenv("PROXENOS_TIMING") != nullptr) { add("start"); }
    ~Marks() { print(); }
    void print() {
        for (std::size_t i = 1; i < marks_.size(); ++i)
            if (marks_[i].process == getpid()) // a forked child leaves its parent's marks to it
                std::fprintf(stderr, "timing: %12llu %.*s\n",
                             static_cast<unsigned long long>(marks_[i].ticks - marks_[i - 1].ticks),
                             static_cast<int>(marks_[i].what.size()), marks_[i].what.data());
        if (!marks_.empty()) marks_.erase(marks_.begin(), marks_.end() - 1);
    }
    void add(std::string_view what) {
        if (wanted_) marks_.push_back({what, __builtin_readcyclecounter(), getpid()});
    }

  private:
    bool wanted_;
    std::vector<Mark> marks_;
};

Marks marks; // constructed before main(): the first mark is the program's start

} // namespace

void mark_time(std::string_view what) { marks.add(what); }
void print_times() { marks.print(); }

} // namespace toolstack
