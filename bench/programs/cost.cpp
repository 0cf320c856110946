// SPDX-License-Identifier: Apache-2.0
// What commands cost, from fork to the end of the wait: "cost N COMMAND ARGUMENT..." runs it N times with its
// output thrown away and prints each run's ticks; the exit status is the last command's.
#include <cstdlib>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.hpp"

int main(int count, char** arguments) {
    if (count < 3) return 125;
    int status = 0;
    for (int run = std::atoi(arguments[1]); run > 0; --run) {
        bench::mark<bench::Mark::Begin>();
        const uint64_t start = bench::ticks();
        const pid_t child = fork();
        if (child == 0) {
            const int nowhere = open("/dev/null", O_RDWR);
            dup2(nowhere, 1);
            execvp(arguments[2], arguments + 2);
            _exit(126);
        }
        waitpid(child, &status, 0);
        const uint64_t end = bench::ticks();
        bench::mark<bench::Mark::End>();
        std::printf("%llu\n", static_cast<unsigned long long>(end - start));
    }
    bench::mark<bench::Mark::Row>();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}
