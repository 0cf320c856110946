// SPDX-License-Identifier: Apache-2.0
// The watcher of life-cycle actions.
#include "domain/watcher.hpp"

#include "config/load.hpp"
#include "core/core_dump.hpp"
#include "domain/create.hpp"
#include "domain/destroy.hpp"
#include "domain/devices/native_vif.hpp"
#include "domain/domains.hpp"
#include "domain/host_settings.hpp"
#include "domain/stored_config.hpp"
#include "domain/tune.hpp"
#include "xen/sysctl.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr auto lock_path = "/run/xen/xl-watchd.lock", log_path = "/var/log/xen/xl-watchd.log";
constexpr std::time_t quick = 10;  ///< a guest that stops sooner than this after its start ...
constexpr unsigned most_quick = 5; ///< ... this many times in a row is not started again

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

/// How often each guest restarted too soon, by name.
struct Restarts {
    std::string name;
    std::time_t last = 0;
    unsigned quick = 0;
};

class Watcher {
  public:
    Watcher(Session& session, std::optional<DomId> only) : session_(session), only_(only) {}

    Result<void> run() {
        auto& client = *TRY(session_.store());
        TRY(or_fail(client.watch("@releaseDomain", "release"), "cannot watch for domains that stop"));
        for (;;) {
            TRY(look());
            leave_network(session_); // a domain that stock tools destroyed may have left translations
            if (only_ && !domain_info(*TRY(session_.xen()), *only_)) return {};
            TRY(or_fail(client.next_event(-1), "xenstore"));
        }
    }

  private:
    bool is_ours(store::Client& client, DomId id) {
        return only_ ? *only_ == id : client.get(fmt::format("/libxl/{}/watcher", id.value)) == "proxenos";
    }

    Result<void> look() {
        auto& client = *TRY(session_.store());
        for (auto& info : TRY(or_fail(xen::list_domains(*TRY(session_.xen())), "cannot list the domains"))) {
            Listed entry{info, {}};
            if (!entry.has(abi::dominf_shutdown) || entry.has(abi::dominf_dying)) continue;
            if (entry.reason() == 2 || !is_ours(client, entry.id())) continue; // suspended ones are saved by somebody
            entry.name = TRY(session_.name(entry.id())).value_or("");
            auto acted = act(client, entry);
            if (!acted) {
                log(fmt::format("{}: {}", entry.name, acted.error().what));
                leave(client, entry.id());
            }
        }
        return {};
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
        auto text = TRY(stored_text(session_, entry.id()));
        auto config = TRY(config::load_text(text, "stored configuration"));
        auto action = action_for(config, entry.reason());
        log(fmt::format("{} (domain {}) stopped, reason {}: {}", entry.name, entry.info.domain, entry.reason(),
                        name(action)));
        if (!entry.name.empty()) config.name = entry.name;
        switch (action) {
        case config::Action::preserve: leave(client, entry.id()); return {};
        case config::Action::coredump_destroy: keep_core(entry); [[fallthrough]];
        case config::Action::destroy: return destroy(session_, entry.id());
        case config::Action::rename_restart:
            leave(client, entry.id());
            TRY(rename(session_, entry.id(), fmt::format("{}-{}", entry.name, std::time(nullptr))));
            config.uuid.reset(); // the old one keeps it
            return restart(std::move(config), std::move(text));
        case config::Action::coredump_restart:
            keep_core(entry);
            TRY(destroy(session_, entry.id()));
            return restart(std::move(config), std::move(text));
        case config::Action::soft_reset: [[fallthrough]]; // without a device model a fresh start is the same
        case config::Action::restart:
            TRY(destroy(session_, entry.id()));
            return restart(std::move(config), std::move(text));
        }
        return {};
    }

    Result<void> restart(config::DomainConfig config, std::string text) {
        auto now = std::time(nullptr);
        Restarts* history = nullptr;
        for (auto& item : restarts_)
            if (item.name == config.name) history = &item;
        if (!history) history = &restarts_.emplace_back(Restarts{config.name, 0, 0});
        history->quick = now - history->last < quick ? history->quick + 1 : 0;
        if (history->quick >= most_quick)
            return fail(
                fmt::format("it stopped {} times within {} s of its start: not started again", most_quick, quick));
        CreateOptions options;
        options.source_text = std::move(text);
        auto guest = config.name;
        auto id = TRY(Creation(session_, std::move(config), std::move(options)).run());
        history->last = std::time(nullptr);
        if (only_) only_ = id;
        log(fmt::format("{} started again as domain {}", guest, id.value));
        return {};
    }

    Session& session_;
    std::optional<DomId> only_;
    std::vector<Restarts> restarts_;
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

} // namespace

Result<void> watch_domains(Session& session, std::optional<DomId> only) { return Watcher(session, only).run(); }

void watch_for_ever() {
    log("watching");
    if (auto settings = host_settings())
        for (auto& warning : settings->warnings) log(fmt::format("warning: {}", warning));
    else log(settings.error().what);
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
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
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

} // namespace domain
