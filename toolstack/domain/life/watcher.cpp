// SPDX-License-Identifier: Apache-2.0
// The watcher of life-cycle actions.
#include "domain/life/watcher.hpp"

#include "base/checkpoint.hpp"
#include "core/core_dump.hpp"
#include "domain/create.hpp"
#include "domain/destroy.hpp"
#include "domain/devices/native_vif.hpp"
#include "domain/domains.hpp"
#include "domain/host_settings.hpp"
#include "domain/life/remains.hpp"
#include "domain/life/restart.hpp"
#include "domain/stored_config.hpp"
#include "domain/tune.hpp"
#include "domain/userdata.hpp"
#include "xen/domctl.hpp"
#include "xen/handle.hpp"
#include "xen/sysctl.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr auto lock_path = "/run/xen/xl-watchd.lock", log_path = "/var/log/xen/xl-watchd.log";
constexpr std::int64_t look_period_s = 20; ///< it looks so often even when nobody says anything
constexpr std::int64_t quick_s = 10;       ///< a guest that stops sooner than this after its start ...
constexpr unsigned most_quick = 5;         ///< ... this many times in a row is not started again

void log(std::string_view text) {
    auto now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    auto line = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} {}\n", local.tm_year + 1900, local.tm_mon + 1,
                            local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, text);
    (void)!write(STDERR_FILENO, line.data(), line.size());
}

config::Action action_for(const config::DomainConfig& config, int reason) {
    switch (reason) {
    case 1: return config.on_reboot;
    case 3: return config.on_crash;
    case 4: return config.on_watchdog;
    case 5: return config.on_soft_reset;
    default: return config.on_poweroff;
    }
}

/// What this watcher knows of each guest whose restart failed, by name.
struct History {
    std::string name;
    unsigned failures = 0;      ///< so many tries in a row to start it failed
    std::time_t not_before = 0; ///< of the next one
};

Result<config::Uuid> new_uuid() {
    std::array<std::uint8_t, 16> random{};
    if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        return fail("no random numbers for a UUID");
    return config::make_uuid(random);
}

class Watcher {
  public:
    Watcher(Session& session, std::optional<DomId> only) : session_(session), only_(only) {}

    Result<void> run() {
        auto& client = *TRY(session_.store());
        TRY(or_fail(client.watch("@releaseDomain", "release"), "cannot watch for domains that stop"));
        if (!only_)
            for (auto id : TRY(stale_domains(session_))) {
                log(fmt::format("domain {} is gone and had left nodes", id.value));
                sweep_traces(session_, id);
            }
        for (;;) {
            for (auto& mended : mend_remains(session_))
                log(fmt::format("{}: {}", mended.what, mended.done ? "mended" : mended.done.error().what));
            TRY(look());
            leave_network(session_); // a domain that stock tools destroyed may have left translations
            if (only_ && !domain_info(*TRY(session_.xen()), *only_)) return {};
            TRY(or_fail(client.next_event(until_next_try()), "xenstore"));
        }
    }

  private:
    bool is_ours(store::Client& client, DomId id) {
        return only_ ? *only_ == id : client.get(fmt::format("/libxl/{}/watcher", id.value)) == "proxenos";
    }

    Result<void> look() {
        auto& client = *TRY(session_.store());
        auto waiting = only_ ? std::vector<Restart>{} : restarts();
        for (auto& known : histories_)
            if (known.not_before <= std::time(nullptr)) known.not_before = 0; // what fails again sets it again
        for (auto& restart : waiting)
            if (history(restart.name).not_before == 0) try_restart(restart);
        for (auto& info : TRY(or_fail(xen::list_domains(*TRY(session_.xen())), "cannot list the domains"))) {
            Listed entry{info, {}};
            if (!entry.has(abi::dominf_shutdown) || entry.has(abi::dominf_dying)) continue;
            if (entry.reason() == 2 || !is_ours(client, entry.id())) continue; // suspended ones are saved by somebody
            auto replaced = [&](auto& each) { return each.old == entry.id() && each.uuid == entry.uuid(); };
            if (std::ranges::any_of(waiting, replaced)) continue;
            entry.name = TRY(session_.name(entry.id())).value_or("");
            if (history(entry.name).not_before > std::time(nullptr)) continue;
            auto acted = act(client, entry);
            if (!acted) {
                log(fmt::format("{}: {}", entry.name, acted.error().what));
                leave(client, entry.id());
            }
        }
        return {};
    }

    History& history(const std::string& name) {
        auto found = std::ranges::find(histories_, name, &History::name);
        if (found != histories_.end()) return *found;
        return histories_.emplace_back(History{.name = name});
    }

    /// Milliseconds until a restart that failed is tried again, or all is looked at once more.
    int until_next_try() {
        constexpr std::int64_t least_s = 1;
        std::int64_t wait = look_period_s;
        for (auto& known : histories_) {
            if (known.not_before == 0) continue;
            auto left = std::max<std::int64_t>(known.not_before - std::time(nullptr), least_s);
            wait = std::min(wait, left);
        }
        return static_cast<int>(wait * 1000);
    }

    /// The next try of a guest's restart is made later.
    void put_off(History& known, const Failure& failure) {
        auto pause = backoff(++known.failures);
        known.not_before = std::time(nullptr) + pause;
        log(fmt::format("{} could not be started again, next try in {} s: {}", known.name, pause, failure.what));
    }

    /// From now on nobody acts on this domain.
    void leave(store::Client& client, DomId id) { (void)client.remove(fmt::format("/libxl/{}/watcher", id.value)); }

    /// A core that cannot be written does not keep the guest from being started again.
    void keep_core(const Listed& entry) {
        auto path = fmt::format("{}/{}", core::core_folder, entry.name);
        log(fmt::format("dumping core to {}", path));
        mkdir(std::string(core::core_folder).c_str(), 0755);
        auto control = session_.xen();
        auto done =
            control ? core::dump_core(**control, entry.info, path) : Result<void>(std::unexpected(control.error()));
        if (!done) log(fmt::format("core dump failed: {}", done.error().what));
    }

    Result<void> act(store::Client& client, const Listed& entry) {
        auto kept = TRY(stored(session_, entry.id()));
        auto config = TRY(load(kept));
        auto action = action_for(config, entry.reason());
        log(fmt::format("{} (domain {}) stopped, reason {}: {}", entry.name, entry.info.domain, entry.reason(),
                        name(action)));
        switch (action) {
        case config::Action::preserve: leave(client, entry.id()); return {};
        case config::Action::coredump_destroy: keep_core(entry); [[fallthrough]];
        case config::Action::destroy: return destroy(session_, entry.id());
        case config::Action::rename_restart: return restart(entry, config.name, std::move(kept), TRY(new_uuid()));
        case config::Action::coredump_restart: [[fallthrough]];
        case config::Action::soft_reset: [[fallthrough]]; // without a device model a fresh start is the same
        case config::Action::restart: break;
        }
        if (action == config::Action::coredump_restart) keep_core(entry);
        return restart(entry, config.name, std::move(kept), entry.uuid());
    }

    /// Writes the restart of a guest that stopped down, and tries it. A guest with another `uuid` is made beside the
    /// old one, which gets another name. A failure leaves the old one as it stopped.
    Result<void> restart(const Listed& entry, const std::string& kept_name, Kept kept, const config::Uuid& uuid) {
        kept.quick = boot_seconds() - kept.started < quick_s ? kept.quick + 1 : 0;
        if (kept.quick >= most_quick)
            return fail(
                fmt::format("it stopped {} times within {} s of its start: not started again", most_quick, quick_s));
        Restart restart{.uuid = uuid,
                        .old = entry.id(),
                        .name = entry.name.empty() ? kept_name : entry.name,
                        .kept = std::move(kept)};
        // The host's watcher would take that of another for its own. Where it cannot be written, the old domain stays:
        // it is what says that the guest is to come back.
        auto written = only_ ? Result<void>{} : save(restart);
        if (!written) return put_off(history(restart.name), written.error()), Result<void>{};
        TRY(toolstack::checkpoint("write its restart down"));
        try_restart(restart);
        return {};
    }

    /// One try; one that fails is made again later.
    void try_restart(const Restart& restart) {
        auto id = make_again(restart);
        auto& known = history(restart.name);
        if (id) {
            forget(restart);
            known.failures = 0;
            known.not_before = 0;
            if (only_) only_ = *id;
            log(fmt::format("{} started again as domain {}", restart.name, id->value));
            return;
        }
        put_off(known, id.error());
    }

    Result<DomId> make_again(const Restart& restart) {
        auto& client = *TRY(session_.store());
        bool is_there = false; // the old one
        for (auto& entry : TRY(list(session_))) {
            is_there = is_there || (entry.id() == restart.old && !entry.has(abi::dominf_dying));
            bool beside = entry.id() == restart.old && entry.uuid() != restart.uuid; // the old one stays
            if (beside && entry.name == restart.name && entry.has(abi::dominf_shutdown)) {
                leave(client, entry.id());
                TRY(rename(session_, entry.id(), fmt::format("{}-{}", entry.name, std::time(nullptr))));
            }
            if (entry.uuid() != restart.uuid || entry.has(abi::dominf_dying)) continue;
            // A part has no kept configuration yet: that is written last, before the start.
            if (entry.id() == restart.old || !stored(session_, entry.id())) {
                TRY(destroy(session_, entry.id()));
                continue;
            }
            if (entry.has(abi::dominf_paused))
                TRY(or_fail(xen::unpause_domain(*TRY(session_.xen()), entry.id()), "cannot start it"));
            return entry.id();
        }
        if (!is_there) { // whoever destroyed it may have died over it: its nodes would hold the name
            TRY(remove_traces(session_, restart.old, "/vm/" + config::print(restart.uuid)));
            remove_userdata(restart.old, restart.uuid);
        }
        TRY(toolstack::checkpoint("clear the old domain away"));
        CreateOptions options;
        options.settings = restart.kept.settings;
        std::erase_if(options.settings, [](auto& setting) { return setting.key == "name"; });
        options.settings.push_back({.key = "name", .value = {.text = restart.name}});
        options.quick = restart.kept.quick;
        options.watched = !only_;
        auto config = TRY(load(restart.kept));
        config.name = restart.name;
        config.uuid = restart.uuid;
        return Creation(session_, std::move(config), std::move(options)).run();
    }

    Session& session_;
    std::optional<DomId> only_;
    std::vector<History> histories_;
};

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

/// Holds the lock to the end of the process: inherited from run_daemon(), or taken now, when the one who has it ends.
void hold_lock() {
    struct stat mine{}, named{};
    bool inherited = fstat(3, &mine) == 0 && stat(lock_path, &named) == 0 && mine.st_ino == named.st_ino &&
                     mine.st_dev == named.st_dev && take_lock(3);
    if (inherited) fcntl(3, F_SETFD, FD_CLOEXEC); // QEMU and scripts must not keep it
    if (inherited) return;
    mkdir("/run/xen", 0755);
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) {
        log(fmt::format("cannot open '{}': {}", lock_path, std::strerror(errno)));
        _exit(1);
    }
    if (take_lock(lock)) return;
    log("another watcher runs: waiting for its end");
    struct flock whole;
    while (!lock_file(lock, F_OFD_SETLKW, whole) && errno == EINTR) {}
}

} // namespace

bool watcher_runs() {
    // Only asked for, not taken: whoever starts a watcher meanwhile must not find it held by us.
    xen::FileDescriptor file(open(lock_path, O_RDWR | O_CLOEXEC));
    struct flock lock;
    return file && lock_file(file.get(), F_OFD_GETLK, lock) && lock.l_type != F_UNLCK;
}

Result<void> watch_domains(Session& session, std::optional<DomId> only) { return Watcher(session, only).run(); }

void watch_for_ever() {
    if (auto settings = host_settings())
        for (auto& warning : settings->warnings) log(fmt::format("warning: {}", warning));
    else log(settings.error().what);
    hold_lock(); // behind the warnings: who starts it by hand sees them even where another one runs
    log("watching");
    for (;;) {
        Session session;
        auto ended = watch_domains(session);
        if (!ended) log(ended.error().what);
        sleep(2); // xenstored may be restarting
    }
}

Result<void> ensure_watcher() {
    mkdir("/run/xen", 0755);
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) return fail(fmt::format("cannot open '{}': {}", lock_path, std::strerror(errno)));
    if (!take_lock(lock)) {
        close(lock);
        return {}; // it runs
    }
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
    if (geteuid() != 0 || watcher_runs()) return;
    bool needed = !restarts().empty();
    auto client = session.store();
    if (!needed && client)
        for (auto& id : (*client)->list("/libxl").value_or(std::vector<std::string>{}))
            needed = needed || (*client)->get(fmt::format("/libxl/{}/watcher", id)) == "proxenos";
    if (needed) (void)ensure_watcher();
}

} // namespace domain
