// SPDX-License-Identifier: Apache-2.0
// The first program of a domain: notes the instructions executed since reset, then becomes the real /init.
// Also prints the stamp now, when it is not the first program.
#include <ctime>
#include <unistd.h>

#include "measure.hpp"

int main() {
    const uint64_t now = bench::ticks();
    timespec up = {};
    clock_gettime(CLOCK_MONOTONIC, &up);
    const uint64_t kernel_ns = static_cast<uint64_t>(up.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(up.tv_nsec);
    std::FILE* out = getpid() == 1 ? std::fopen("/bench-first", "w") : stdout;
    if (out == nullptr) out = stdout;
    std::fprintf(out, "row boot-user=%llu\nrow boot-kernel-clock=%llu\n", static_cast<unsigned long long>(now),
                 static_cast<unsigned long long>(kernel_ns));
    std::fflush(out);
    if (getpid() != 1) return 0;
    execl("/init", "/init", nullptr);
    return 1;
}
