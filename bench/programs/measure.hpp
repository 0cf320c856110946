// SPDX-License-Identifier: Apache-2.0
// How the measuring programs count and report: TSC ticks, which under -icount shift=0 are executed
// instructions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "bench/plugin/decode.hpp"

namespace bench {

/// The time-stamp counter. Not serializing: the emulator executes in order.
inline uint64_t ticks() { return __builtin_ia32_rdtsc(); }

/// An instruction that does nothing, anywhere, and that the plugin of bench/plugin recognises: it notes its counters.
/// Kinds are those of bench::Mark.
template <Mark kind> inline void mark() {
    asm volatile(".byte 0x0f, 0x1f, 0x80, %c0, 'P', 'X', 'N'" ::"i"(static_cast<int>(kind)) : "memory");
}

/// How many operations one marked stretch of the measurement that ended last had.
inline double operations = 1;

/// Ticks per operation: the median of `batches` batches of `count` calls, after one call to warm up; a call does
/// `parts` operations. The median keeps a timer tick or a daemon's turn in some batches out of the number.
template <class Operation>
double per_call(unsigned count, Operation operation, unsigned batches = 15, unsigned parts = 1) {
    operation();
    operations = static_cast<double>(count) * parts;
    std::vector<double> found;
    for (unsigned batch = 0; batch < batches; ++batch) {
        mark<Mark::Begin>();
        const uint64_t start = ticks();
        for (unsigned i = 0; i < count; ++i) operation();
        found.push_back(static_cast<double>(ticks() - start) / operations);
        mark<Mark::End>();
    }
    mark<Mark::Set>();
    std::sort(found.begin(), found.end());
    return found[found.size() / 2];
}

/// Prints one result: "row NAME=VALUE per OPERATIONS", the latter of each marked stretch since the row before.
inline void report(const char* name, double value) {
    mark<Mark::Row>();
    std::printf("row %s=%.1f per %.0f\n", name, value, operations);
    std::fflush(stdout);
}

/// Whether the row was asked for: no arguments ask for all.
inline bool wanted(int count, char** arguments, const char* name) {
    for (int i = 1; i < count; ++i)
        if (std::strcmp(arguments[i], name) == 0) return true;
    return count < 2;
}

} // namespace bench
