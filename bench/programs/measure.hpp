// SPDX-License-Identifier: Apache-2.0
// How the measuring programs count and report: TSC ticks, which under -icount shift=0 are executed
// instructions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace bench {

/// The time-stamp counter. Not serializing: the emulator executes in order.
inline uint64_t ticks() { return __builtin_ia32_rdtsc(); }

/// Ticks per call of `operation`: the median of `batches` batches of `count` calls, after one call to warm
/// up. The median keeps a timer tick or a daemon's turn in some batches out of the number.
template <class Operation> double per_call(unsigned count, Operation operation, unsigned batches = 15) {
    operation();
    std::vector<double> found;
    for (unsigned batch = 0; batch < batches; ++batch) {
        const uint64_t start = ticks();
        for (unsigned i = 0; i < count; ++i) operation();
        found.push_back(static_cast<double>(ticks() - start) / count);
    }
    std::sort(found.begin(), found.end());
    return found[found.size() / 2];
}

/// Prints one result: "row NAME=VALUE". The program that reads this takes everything between the first blank
/// and '='.
inline void report(const char* name, double value) {
    std::printf("row %s=%.1f\n", name, value);
    std::fflush(stdout);
}

/// Whether the row was asked for: no arguments ask for all.
inline bool wanted(int count, char** arguments, const char* name) {
    for (int i = 1; i < count; ++i)
        if (std::strcmp(arguments[i], name) == 0) return true;
    return count < 2;
}

} // namespace bench
