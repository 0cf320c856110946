// SPDX-License-Identifier: Apache-2.0
// The watcher of life-cycle actions.
#include "domain/life/watcher.hpp"

#include "base/text.hpp"
#include "base/whole_file.hpp"
#include "domain/devices/native_vif.hpp"
#include "domain/domains.hpp"
#include "domain/host_settings.hpp"
#include "domain/life/action.hpp"
#include "domain/life/remains.hpp"
#include "host/process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr auto lock_path = "/run/xen/xl-watchd.lock", log_path = "/var/log/xen/xl-watchd.log";
constexpr unsigned watcher_version = 1;         ///< to be raised when older ones cannot read what is kept any more
constexpr std::string_view remains = "remains"; ///< the action that mends what the dead left
constexpr off_t log_limit = 1 << 20;            ///< bytes, before the log is put aside as .1
constexpr int look_period_ms = 20000;           ///< it looks so often even when nobody says anything
constexpr std::int64_t action_limit_s = 3600;   ///< of one action: a core of a large guest takes long
constexpr std::int64_t grace_s = 60;            ///< between being asked to end and being killed
constexpr std::int64_t again_s = 5;             ///< before an action that ended without effect is begun once more

/// One action that is being done.
struct Running {
    std::string word;
    pid_t process = 0;
    xen::FileDescriptor handle; ///< readable when it has ended
    std::int64_t deadline = 0;
    bool asked = false; ///< to end
};

/// An action that failed before its restart was written down: not at once again.
struct Failed {
    std::string word;
    unsigned times = 0;
    std::int64_t not_before = 0;
};

Result<Running> begin_action(const std::string& word) {
    auto process = TRY(
        host::start({.words = {"/proc/self/exe", "watchd", "--act", word}, .environment = {}, .own_session = true}));
    Running running{.word = word, .process = process, .handle = {}, .deadline = boot_seconds() + action_limit_s};
    running.handle = xen::FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    return running;
}

void set_oom_score(std::string_view score) {
    xen::FileDescriptor file(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    if (file) (void)!write(file.get(), score.data(), score.size());
}

/// Whole-file locks that belong to the open file, so that a child inherits them: `command` as in fcntl(2).
bool lock_file(int fd, int command, struct flock& lock) {
    lock = {};
    lock.l_type = F_WRLCK;
    return fcntl(fd, command, &lock) == 0;
}

/// Whether the lock, open as `fd`, is ours now: nobody else holds it.
bool take_lock(int fd) {
    struct flock lock;
    return lock_file(fd, F_OFD_SETLK, lock);
}

/// Shows others that we live, in the lock's file.
void show_life(int lock) {
    if (lock < 0) return;
    auto line = fmt::format("{} {} {}\n", getpid(), boot_seconds(), watcher_version);
    if (pwrite(lock, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size())) (void)!ftruncate(lock, 0);
}

/// The log is bounded: two files of a mebibyte.
void turn_log() {
    struct stat now{}, named{};
    if (fstat(STDERR_FILENO, &now) != 0 || !S_ISREG(now.st_mode) || now.st_size < log_limit) return;
    if (stat(log_path, &named) != 0 || named.st_ino != now.st_ino) return; // not the log, or not ours
    rename(log_path, (std::string(log_path) + ".1").c_str());
    xen::FileDescriptor file(open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (file) dup2(file.get(), STDERR_FILENO);
}

class Watcher {
  public:
    Watcher(std::vector<Running>& running, std::vector<Failed>& failed, int lock)
        : running_(running), failed_(failed), lock_(lock) {}

    Result<void> run() {
        auto& client = *TRY(session_.store());
        client.set_patience({}); // its file is polled beside others: when the store goes away, all begins anew
        TRY(or_fail(client.watch("@releaseDomain", "release"), "cannot watch for domains that stop"));
        begin(std::string(remains)); // also nodes of domains that are no more
        for (;;) {
            show_life(lock_);
            turn_log();
            reap();
            TRY(look(client));
            leave_network(session_); // a domain that stock tools destroyed may have left translations
            TRY(wait(client));
        }
    }

  private:
    bool runs(std::string_view word) const {
        return std::ranges::any_of(running_, [&](auto& each) { return each.word == word; });
    }

    Failed* failure(std::string_view word) {
        auto found = std::ranges::find(failed_, word, &Failed::word);
        return found == failed_.end() ? nullptr : &*found;
    }

    void begin(const std::string& word) {
        if (runs(word)) return;
        if (auto before = failure(word); before && boot_seconds() < before->not_before) return;
        auto started = begin_action(word);
        if (started) running_.push_back(std::move(*started));
        else log(fmt::format("cannot act on {}: {}", word, started.error().what));
    }

    Result<void> look(store::Client& client) {
        std::vector<std::string> seen;
        auto written = restarts();
        if (are_remains()) begin(seen.emplace_back(remains));
        for (auto& info : TRY(or_fail(xen::list_domains(*TRY(session_.xen())), "cannot list the domains"))) {
            Listed entry{info, {}};
            if (!needs_action(info) || client.get(watcher_path(entry.id())) != watcher_mark) continue;
            bool pending = std::ranges::any_of(
                written, [&](auto& each) { return each.old == entry.id() && each.old_uuid == entry.uuid(); });
            if (pending) continue;
            seen.push_back(std::to_string(entry.info.domain));
            begin(seen.back());
        }
        for (auto& restart : written) {
            seen.push_back(config::print(restart.uuid));
            if (restart.not_before <= boot_seconds()) begin(seen.back());
        }
        std::erase_if(failed_, [&](auto& each) { return std::ranges::find(seen, each.word) == seen.end(); });
        return {};
    }

    /// Takes leave of actions that ended, and ends those that take too long.
    void reap() {
        for (auto& each : running_) {
            int status = 0;
            if (waitpid(each.process, &status, WNOHANG) == each.process) {
                each.process = 0;
                // A domain that still has to be acted upon afterwards is not acted upon in a quick loop.
                auto before = failure(each.word);
                if (!before) before = &failed_.emplace_back(Failed{each.word, 0, 0});
                before->not_before = boot_seconds() + std::max(again_s, backoff(++before->times));
                if (WIFSIGNALED(status))
                    log(fmt::format("the action on {} was killed by signal {}", each.word, WTERMSIG(status)));
                continue;
            }
            if (boot_seconds() < each.deadline) continue;
            log(fmt::format("the action on {} takes too long: it is {}", each.word,
                            each.asked ? "killed" : "asked to end"));
            kill(each.asked ? -each.process : each.process, each.asked ? SIGKILL : SIGTERM);
            each.asked = true;
            each.deadline = boot_seconds() + grace_s;
        }
        std::erase_if(running_, [](auto& each) { return each.process == 0; });
    }

    /// Waits for a domain that stops, an action that ends, or the time of a next try.
    Result<void> wait(store::Client& client) {
        std::int64_t pause_ms = look_period_ms;
        auto until = [&](std::int64_t when) {
            pause_ms = std::clamp<std::int64_t>((when - boot_seconds()) * 1000, 100, pause_ms);
        };
        for (auto& restart : restarts()) {
            auto word = config::print(restart.uuid);
            auto before = failure(word);
            if (!runs(word)) until(std::max(restart.not_before, before ? before->not_before : 0));
        }
        for (auto& each : failed_)
            if (!runs(each.word)) until(each.not_before);
        for (auto& each : running_) until(each.deadline);
        bool heard = false; // what came with replies before is not to be waited for
        for (;;) {
            auto event = TRY(or_fail(client.next_event(0), "xenstore"));
            if (!event) break;
            heard = true;
        }
        std::vector<pollfd> files{{client.fd(), POLLIN, 0}};
        for (auto& each : running_)
            if (each.handle) files.push_back({each.handle.get(), POLLIN, 0});
        if (!heard) (void)poll(files.data(), files.size(), static_cast<int>(pause_ms));
        return {};
    }

    Session session_;
    std::vector<Running>& running_;
    std::vector<Failed>& failed_;
    int lock_;
};

/// Becomes "xl watchd -F" with the lock as its only inherited file. A new program, because the old one's handles and
/// pinned pages must not be shared.
[[noreturn]] void run_daemon(int lock) {
    int log_file = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0640);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(log_file >= 0 ? log_file : null, 1);
    dup2(log_file >= 0 ? log_file : null, 2);
    if (lock != 3) dup2(lock, 3);
    else fcntl(3, F_SETFD, 0);
    close_range(4, ~0u, 0);
    if (chdir("/") == 0) execl("/proc/self/exe", "xl", "watchd", "-F", nullptr);
    _exit(1);
}

/// The domain of a UUID that is not dying.
Result<std::optional<DomId>> domain_of(Session& session, const config::Uuid& uuid) {
    for (auto& entry : TRY(list(session)))
        if (entry.uuid() == uuid && !entry.has(abi::dominf_dying)) return std::optional(entry.id());
    return std::nullopt;
}

/// Whether a process holds the lock; having its file open is not enough, those who wait have it, too.
bool holds_lock(std::string_view process) {
    auto folder = fmt::format("/proc/{}/fd", process);
    bool found = false;
    auto files = opendir(folder.c_str());
    while (auto file = files && !found ? readdir(files) : nullptr) {
        char target[64] = {};
        if (readlinkat(dirfd(files), file->d_name, target, sizeof target - 1) <= 0 ||
            target != std::string_view(lock_path))
            continue;
        auto facts = toolstack::read_file(fmt::format("/proc/{}/fdinfo/{}", process, file->d_name)).value_or("");
        found = facts.find("OFDLCK") != facts.npos; // proc(5): the locks of this open file
    }
    if (files) closedir(files);
    return found;
}

/// The process that holds the lock, which one of older tools does not write down. 0: none that can be seen.
int find_watcher() {
    int found = 0;
    auto all = opendir("/proc");
    while (auto entry = all && !found ? readdir(all) : nullptr) {
        auto process = toolstack::to_unsigned(entry->d_name);
        if (process && static_cast<pid_t>(*process) != getpid() && holds_lock(entry->d_name))
            found = static_cast<int>(*process);
    }
    if (all) closedir(all);
    return found;
}

/// Ends a watcher of another version, and waits for its end. What it was at is taken up by the next one.
void end_other_version() {
    constexpr int patience_ms = 5000, step_ms = 20, steps = 10;
    auto state = watcher_state();
    // One that has just begun has not written who it is yet.
    for (int i = 0; i < steps && state.runs && !state.current; ++i, state = watcher_state())
        (void)poll(nullptr, 0, step_ms);
    if (!state.runs || state.current) return;
    auto process = find_watcher();
    if (!process) return;
    xen::FileDescriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    if (!handle || kill(process, SIGTERM) != 0) return;
    pollfd end{handle.get(), POLLIN, 0};
    (void)poll(&end, 1, patience_ms);
}

/// The lock's descriptor: inherited from run_daemon(), or taken now, when the one who has it ends.
int hold_lock() {
    struct stat mine{}, named{};
    if (fstat(3, &mine) == 0 && stat(lock_path, &named) == 0 && mine.st_ino == named.st_ino &&
        mine.st_dev == named.st_dev && take_lock(3)) {
        fcntl(3, F_SETFD, FD_CLOEXEC);
        return 3;
    }
    mkdir("/run/xen", 0755);
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) {
        log(fmt::format("cannot open '{}': {}", lock_path, std::strerror(errno)));
        _exit(1);
    }
    if (take_lock(lock)) return lock;
    log("another watcher runs: waiting for its end");
    struct flock whole;
    while (!lock_file(lock, F_OFD_SETLKW, whole) && errno == EINTR) {}
    return lock;
}

} // namespace

WatcherState watcher_state() {
    WatcherState state;
    xen::FileDescriptor file(open(lock_path, O_RDWR | O_CLOEXEC));
    // Only asked for, not taken: whoever starts a watcher meanwhile must not find it held by us.
    struct flock lock;
    state.runs = file && lock_file(file.get(), F_OFD_GETLK, lock) && lock.l_type != F_UNLCK;
    char text[64] = {};
    if (!state.runs) return state;
    state.current = false;
    if (pread(file.get(), text, sizeof text - 1, 0) <= 0) return state;
    auto words = toolstack::split(std::string_view(text, std::strcspn(text, "\n")), ' ');
    state.current = words.size() > 2 && toolstack::to_unsigned(words[2]) == watcher_version;
    if (!words.empty()) state.process = static_cast<int>(toolstack::to_unsigned(words[0]).value_or(0));
    if (words.size() > 1)
        state.silent_s = boot_seconds() - static_cast<std::int64_t>(toolstack::to_unsigned(words[1]).value_or(0));
    return state;
}

Result<void> watch_one(Session& session, DomId id) {
    constexpr int others_ms = 1000;
    auto& client = *TRY(session.store());
    auto& control = *TRY(session.xen());
    auto uuid = Listed{TRY(session.info(id)), {}}.uuid();
    auto heir = uuid; // who is made in its place
    TRY(or_fail(client.watch("@releaseDomain", "release"), "cannot watch for domains that stop"));
    for (;;) {
        auto info = xen::domain_info(control, id);
        auto written = restart_of(id, uuid);
        if (written) heir = written->uuid;
        if (!written && (!info || info->flags & abi::dominf_dying || heir != uuid)) {
            auto next = TRY(domain_of(session, heir));
            if (!next) return {};
            id = *next;
            uuid = heir;
            continue;
        }
        if (!written && !needs_action(*info)) {
            TRY(or_fail(client.next_event(look_period_ms), "xenstore"));
            continue;
        }
        auto acted = act(session, written ? config::print(written->uuid) : std::to_string(id.value));
        if (!acted) log(acted.error().what);
        else if (!acted->ours) TRY(or_fail(client.next_event(others_ms), "xenstore")); // the host's watcher is at it
        else if (acted->heir) heir = *acted->heir;
        if (acted && (!acted->ours || acted->heir)) continue;
        auto left = restart_of(id, uuid);
        if (left) sleep(static_cast<unsigned>(std::max<std::int64_t>(left->not_before - boot_seconds(), 1)));
        else if (auto same = xen::domain_info(control, id); same && needs_action(*same)) return {}; // left as it is
    }
}

void watch_for_ever() {
    set_oom_score("-900"); // a watcher that is the first to go when memory is short helps nobody
    if (auto settings = host_settings())
        for (auto& warning : settings->warnings) log(fmt::format("warning: {}", warning));
    else log(settings.error().what);
    int lock = hold_lock(); // behind the warnings: who starts it by hand sees them even where another one runs
    log("watching");
    std::vector<Running> running; // they live on when a connection is lost
    std::vector<Failed> failed;
    std::string said;
    for (;;) {
        auto ended = Watcher(running, failed, lock).run();
        if (!ended && ended.error().what != said) log(said = ended.error().what);
        sleep(1); // xenstored may be restarting
    }
}

Result<void> act_logged(const std::string& word) {
    set_oom_score("0"); // what it starts, such as QEMU, is no watcher
    Session session;
    session.listener = log;
    if (word == remains) {
        for (auto& mended : mend_remains(session))
            log(fmt::format("{}: {}", mended.what, mended.done ? "mended" : mended.done.error().what));
        for (auto id : TRY(stale_domains(session))) {
            log(fmt::format("domain {} is gone and had left nodes", id.value));
            sweep_traces(session, id);
        }
        return {};
    }
    auto done = act(session, word);
    if (done) return {};
    log(done.error().what);
    return std::unexpected(std::move(done).error());
}

Result<void> ensure_watcher() {
    mkdir("/run/xen", 0755);
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) return fail(fmt::format("cannot open '{}': {}", lock_path, std::strerror(errno)));
    if (!take_lock(lock) && (end_other_version(), !take_lock(lock))) {
        close(lock);
        return {}; // it runs
    }
    mkdir("/var/log/xen", 0755);
    show_life(lock); // of which version the one is that is about to begin
    pid_t child = fork();
    if (child == 0) {
        setsid();
        signal(SIGINT, SIG_IGN);
        if (fork() == 0) run_daemon(lock);
        _exit(0);
    }
    close(lock);
    if (child < 0) return fail(fmt::format("cannot start the watcher: {}", std::strerror(errno)));
    siginfo_t ignored;
    waitid(P_PID, static_cast<id_t>(child), &ignored, WEXITED);
    return {};
}

void ensure_watcher_if_needed(Session& session) {
    auto state = watcher_state();
    if (geteuid() != 0 || (state.runs && state.current)) return;
    bool needed = !restarts().empty();
    auto client = session.store();
    if (!needed && client)
        for (auto& id : (*client)->list("/libxl").value_or(std::vector<std::string>{}))
            needed = needed || (*client)->get(fmt::format("/libxl/{}/watcher", id)) == watcher_mark;
    if (needed) (void)ensure_watcher();
}

} // namespace domain
