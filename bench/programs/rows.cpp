// SPDX-License-Identifier: Apache-2.0
// What everyday operations cost a program inside a domain: one line per row. Arguments: the rows wanted
// (default: all).
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure.hpp"

namespace {

constexpr size_t page_size = 4096;
const char* self;

unsigned char* map(size_t size) {
    void* area = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED) _exit(2);
    return static_cast<unsigned char*>(area);
}

void touch(unsigned char* area, size_t size) {
    for (size_t at = 0; at < size; at += page_size) const_cast<volatile unsigned char*>(area)[at] = 1;
}

double null_syscall() {
    return bench::per_call(1000, [] { syscall(SYS_getppid); });
}

double read_zero() {
    const int file = open("/dev/zero", O_RDONLY);
    char byte;
    return bench::per_call(1000, [&] { (void)!read(file, &byte, 1); });
}

double read_tsc() {
    return bench::per_call(1000, [] { asm volatile("rdtsc" ::: "rax", "rdx"); });
}

double cpuid() {
    return bench::per_call(1000, [] { asm volatile("xor %%eax, %%eax; cpuid" ::: "rax", "rbx", "rcx", "rdx"); });
}

double clock_now() {
    timespec now;
    return bench::per_call(1000, [&] { clock_gettime(CLOCK_MONOTONIC, &now); });
}

void nothing(int) {}

double signal_install() {
    struct sigaction action = {};
    action.sa_handler = nothing;
    return bench::per_call(1000, [&] { sigaction(SIGUSR1, &action, nullptr); });
}

double signal_deliver() {
    signal(SIGUSR1, nothing);
    const pid_t me = getpid();
    return bench::per_call(500, [&] { kill(me, SIGUSR1); });
}

double yield() {
    return bench::per_call(1000, [] { sched_yield(); });
}

double pipe_round_trip() {
    int there[2], back[2];
    if (pipe(there) || pipe(back)) return 0;
    const pid_t child = fork();
    char byte = 0;
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1) (void)!write(back[1], &byte, 1);
        _exit(0);
    }
    const double cost = bench::per_call(300, [&] {
        (void)!write(there[1], &byte, 1);
        (void)!read(back[0], &byte, 1);
    });
    close(there[1]);
    waitpid(child, nullptr, 0);
    return cost;
}

void fork_exit_once() {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, nullptr, 0);
}

double fork_exit() { return bench::per_call(20, fork_exit_once); }

double fork_exit_large() {
    constexpr size_t size = 8 << 20;
    unsigned char* area = map(size);
    madvise(area, size, MADV_NOHUGEPAGE);
    touch(area, size);
    const double cost = bench::per_call(10, fork_exit_once);
    munmap(area, size);
    return cost;
}

double fork_exec() {
    return bench::per_call(10, [] {
        const pid_t child = fork();
        if (child == 0) {
            execl(self, self, "nothing", nullptr);
            _exit(2);
        }
        waitpid(child, nullptr, 0);
    });
}

double touch_page() {
    constexpr size_t size = 4 << 20;
    const auto once = [] {
        unsigned char* area = map(size);
        madvise(area, size, MADV_NOHUGEPAGE);
        touch(area, size);
        munmap(area, size);
    };
    return bench::per_call(1, once, 15, size / page_size);
}

/// The child writes 1024 pages that it shares with its parent, and counts that alone.
double copy_on_write() {
    constexpr size_t size = 4 << 20;
    unsigned char* area = map(size);
    madvise(area, size, MADV_NOHUGEPAGE);
    touch(area, size);
    int result[2];
    double cost = 0;
    if (pipe(result)) return 0;
    if (const pid_t child = fork(); child == 0) {
        bench::mark<bench::Mark::Begin>();
        const uint64_t start = bench::ticks();
        touch(area, size);
        cost = static_cast<double>(bench::ticks() - start) / (size / page_size);
        bench::mark<bench::Mark::End>();
        (void)!write(result[1], &cost, sizeof cost);
        _exit(0);
    } else {
        waitpid(child, nullptr, 0);
    }
    bench::operations = size / page_size;
    (void)!read(result[0], &cost, sizeof cost);
    munmap(area, size);
    return cost;
}

double protect_pages() {
    constexpr size_t size = 64 * page_size;
    unsigned char* area = map(size);
    touch(area, size);
    return bench::per_call(50, [&] {
        mprotect(area, size, PROT_READ);
        mprotect(area, size, PROT_READ | PROT_WRITE);
    });
}

unsigned char* faulting;
void allow(int) { mprotect(faulting, page_size, PROT_READ | PROT_WRITE); }

double fault_handler() {
    faulting = map(page_size);
    touch(faulting, page_size);
    signal(SIGSEGV, allow);
    return bench::per_call(100, [] {
        mprotect(faulting, page_size, PROT_READ);
        *const_cast<volatile unsigned char*>(faulting) = 1;
    });
}

double sleep_shortly() {
    prctl(PR_SET_TIMERSLACK, 1UL); // or the default slack of 50 us is all one measures
    const timespec time = {0, 1000};
    return bench::per_call(50, [&] { nanosleep(&time, nullptr); });
}

/// Two processes take turns on one shared word.
double futex_round_trip() {
    auto* word =
        static_cast<volatile int*>(mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const auto turn = [word](int mine, int next) {
        int now;
        while ((now = *word) != mine && now != 2) syscall(SYS_futex, word, FUTEX_WAIT, now, nullptr, nullptr, 0);
        if (now == 2) return false;
        *word = next;
        syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
        return true;
    };
    const pid_t child = fork();
    if (child == 0) {
        while (turn(1, 0)) {}
        _exit(0);
    }
    const double cost = bench::per_call(300, [&] { turn(0, 1); });
    while (*word != 0) sched_yield();
    *word = 2;
    syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    waitpid(child, nullptr, 0);
    return cost;
}

struct Row {
    const char* name;
    double (*measure)();
};

constexpr Row rows[] = {
    {"null-syscall", null_syscall},
    {"read-zero", read_zero},
    {"rdtsc", read_tsc},
    {"cpuid", cpuid},
    {"clock-gettime", clock_now},
    {"signal-install", signal_install},
    {"signal-deliver", signal_deliver},
    {"sched-yield", yield},
    {"pipe", pipe_round_trip},
    {"fork-exit", fork_exit},
    {"fork-exit-8M", fork_exit_large},
    {"fork-exec", fork_exec},
    {"touch-page", touch_page},
    {"cow-page", copy_on_write},
    {"mprotect-64", protect_pages},
    {"sigsegv", fault_handler},
    {"nanosleep", sleep_shortly},
    {"futex", futex_round_trip},
};

} // namespace

int main(int count, char** arguments) {
    self = arguments[0];
    if (count == 2 && std::strcmp(arguments[1], "nothing") == 0) return 0;
    for (const Row& row : rows)
        if (bench::wanted(count, arguments, row.name)) bench::report(row.name, row.measure());
    return 0;
}
