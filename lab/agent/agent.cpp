// SPDX-License-Identifier: Apache-2.0
// The lab's agent in dom0: runs commands that arrive on a line from the host and answers with their exact output and
// status.
//
// Wire format, one frame per line, fields separated by one space, binary fields in base64:
//   to the agent    ID run COMMAND     start `bash -c COMMAND` in its own session; without one: end with 0 at once
//                   ID in BYTES        feed bytes to its standard input (an empty field closes it)
//                   ID kill -          kill its process group
//                   - wake BYTES       this machine is a copy: set the clock, take new random numbers. BYTES:
//                   nanoseconds
//                                      since 1970 in decimal, a space, 32 random bytes
//   from the agent  - hello -          once, when it is ready
//                   - awake ERROR      the answer to wake: 0, or the errno of what did not work
//                   ID out BYTES       standard output
//                   ID err BYTES       standard error
//                   ID end STATUS      exit status as a shell reports it (128 + signal when killed)
// The line is a port of a virtio serial device: no part of what is tested, and a page at a time. A UART costs an
// emulated access for each byte, 0.2 ms of the emulator's time inwards and 0.04 outwards (0.5 and 0.12 on Xen).

#include <fcntl.h>
#include <linux/random.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kChunk = 3072; // multiple of 3, so that no base64 padding stands inside a stream
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct Child {
    pid_t pid = -1;
    int in = -1;
    std::array<int, 2> out{-1, -1}; // standard output, standard error
    bool reaped = false;
    int status = 0;
};

std::string encode(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            text += i + k <= bytes.size() ? kAlphabet[group >> (18 - 6 * k) & 63U] : '=';
    }
    return text;
}

std::string decode(std::string_view text) {
    std::string bytes;
    unsigned group = 0;
    int bits = 0;
    for (char c : text) {
        const auto value = kAlphabet.find(c);
        if (value == std::string_view::npos) break;
        group = group << 6 | static_cast<unsigned>(value);
        if ((bits += 6) >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 255U);
    }
    return bytes;
}

/// Write everything; the line blocks when the other side is slow, which is the flow control wanted here.
void writeAll(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t done = write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno != EINTR && errno != EAGAIN) return;
        if (done > 0) bytes.remove_prefix(static_cast<std::size_t>(done));
    }
}

void closeFd(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
}

/// Make the wall clock and the kernel's random numbers this copy's own. 0 or an errno. All of the generator's keys
/// (each CPU has one) are drawn anew from the pool, which the seed is mixed into and credited with.
int wake(std::string_view bytes) {
    const auto space = bytes.find(' ');
    if (space == std::string_view::npos) return EINVAL;
    const long long now = std::atoll(std::string{bytes.substr(0, space)}.c_str());
    const timespec clock{static_cast<time_t>(now / 1'000'000'000), static_cast<long>(now % 1'000'000'000)};
    if (clock_settime(CLOCK_REALTIME, &clock)) return errno;

    struct {                           // rand_pool_info with room for its last field
        int credited = 256, size = 32; // bits, bytes
        std::array<char, 32> seed{};
    } pool;
    const std::string_view seed = bytes.substr(space + 1);
    if (seed.size() != pool.seed.size()) return EINVAL;
    std::memcpy(pool.seed.data(), seed.data(), seed.size());
    int random = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    const int wrong = random < 0 || ioctl(random, RNDADDENTROPY, &pool) || ioctl(random, RNDRESEEDCRNG) ? errno : 0;
    closeFd(random);
    return wrong;
}

class Agent {
  public:
    explicit Agent(int line) : line_(line) {
        sigset_t ended;
        sigemptyset(&ended);
        sigaddset(&ended, SIGCHLD);
        sigprocmask(SIG_BLOCK, &ended, &mask_);
        ended_ = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
    }

    [[noreturn]] void serve() {
        send("-", "hello", "-");
        for (;;) {
            waitForSomething();
            reap();
        }
    }

  private:
    void send(std::string_view id, std::string_view verb, std::string_view field) {
        std::string frame;
        frame.append(id).append(" ").append(verb).append(" ").append(field).append("\n");
        writeAll(line_, frame);
    }

    void start(const std::string& id, const std::string& command) {
        int in[2], out[2], err[2];
        if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
            send(id, "end", "126");
            return;
        }
        const pid_t pid = fork();
        if (pid == 0) {
            setsid();
            dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
            signal(SIGPIPE, SIG_DFL);
            sigprocmask(SIG_SETMASK, &mask_, nullptr);
            execl("/bin/bash", "bash", "-c", command.c_str(), nullptr);
            _exit(127);
        }
        close(in[0]), close(out[1]), close(err[1]);
        children_[id] = Child{pid, in[1], {out[0], err[0]}, pid < 0, 126 << 8};
    }

    void handle(const std::string& frame) {
        const auto first = frame.find(' '), second = frame.find(' ', first + 1);
        if (first == std::string::npos || second == std::string::npos) return;
        const std::string id = frame.substr(0, first), verb = frame.substr(first + 1, second - first - 1);
        const std::string field = frame.substr(second + 1);
        if (verb == "run" && field.empty()) return send(id, "end", "0");
        if (verb == "run") return start(id, decode(field));
        if (verb == "wake") return send("-", "awake", std::to_string(wake(decode(field))));
        const auto found = children_.find(id);
        if (found == children_.end()) return;
        if (verb == "kill") kill(-found->second.pid, SIGKILL);
        if (verb != "in" || found->second.in < 0) return;
        if (field.empty()) closeFd(found->second.in);
        else writeAll(found->second.in, decode(field));
    }

    void readLine() {
        char bytes[4096];
        const ssize_t got = read(line_, bytes, sizeof bytes);
        if (got > 0) pending_.append(bytes, static_cast<std::size_t>(got));
        else usleep(20'000); // nobody is at the other end: such a port is ready all the time
        for (std::size_t end; (end = pending_.find('\n')) != std::string::npos; pending_.erase(0, end + 1))
            handle(pending_.substr(0, end));
    }

    void readStream(const std::string& id, Child& child, int which) {
        char bytes[kChunk];
        const ssize_t got = read(child.out[static_cast<std::size_t>(which)], bytes, sizeof bytes);
        if (got > 0) send(id, which == 0 ? "out" : "err", encode({bytes, static_cast<std::size_t>(got)}));
        else if (got == 0 || errno != EINTR) closeFd(child.out[static_cast<std::size_t>(which)]);
    }

    void waitForSomething() {
        struct Source {
            std::string id;
            int which;
        };
        std::vector<pollfd> fds{{line_, POLLIN, 0}, {ended_, POLLIN, 0}};
        std::vector<Source> sources{{"", 0}, {"", 0}};
        for (const auto& [id, child] : children_)
            for (int which : {0, 1})
                if (child.out[static_cast<std::size_t>(which)] >= 0) {
                    fds.push_back({child.out[static_cast<std::size_t>(which)], POLLIN, 0});
                    sources.push_back({id, which});
                }
        poll(fds.data(), fds.size(), -1);
        if (fds[0].revents) readLine();
        for (signalfd_siginfo child{}; read(ended_, &child, sizeof child) > 0;) {} // reap() asks each of them
        for (std::size_t i = 2; i < fds.size(); ++i)
            if (fds[i].revents) readStream(sources[i].id, children_[sources[i].id], sources[i].which);
    }

    /// Report children that ended. A daemon left behind may hold the pipes open: the child's own end decides,
    /// once what it had written has been read.
    void reap() {
        for (auto it = children_.begin(); it != children_.end();) {
            Child& child = it->second;
            if (!child.reaped && waitpid(child.pid, &child.status, WNOHANG) == child.pid) child.reaped = true;
            if (!child.reaped) {
                ++it;
                continue;
            }
            for (int which : {0, 1}) drain(it->first, child, which);
            closeFd(child.in);
            const int status = WIFSIGNALED(child.status) ? 128 + WTERMSIG(child.status) : WEXITSTATUS(child.status);
            send(it->first, "end", std::to_string(status));
            it = children_.erase(it);
        }
    }

    void drain(const std::string& id, Child& child, int which) {
        int& fd = child.out[static_cast<std::size_t>(which)];
        pollfd ready{fd, POLLIN, 0};
        while (fd >= 0 && poll(&ready, 1, 0) > 0) readStream(id, child, which);
        closeFd(fd);
    }

    int line_;
    int ended_ = -1; ///< readable when a child has ended
    sigset_t mask_{};
    std::string pending_;
    std::map<std::string, Child> children_;
};

} // namespace

int main(int argc, char** argv) {
    const char* path = argc > 1 ? argv[1] : "";
    const int line = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (line < 0) {
        std::fprintf(stderr, "lab agent: %s: %s\n", path, std::strerror(errno));
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    Agent{line}.serve();
}
