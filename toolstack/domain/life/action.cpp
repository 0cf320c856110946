// SPDX-License-Identifier: Apache-2.0
// What is done when a guest stops.
#include "domain/life/action.hpp"

#include "base/checkpoint.hpp"
#include "base/text.hpp"
#include "core/core_dump.hpp"
#include "domain/create.hpp"
#include "domain/destroy.hpp"
#include "domain/domains.hpp"
#include "domain/life/remains.hpp"
#include "domain/tune.hpp"
#include "host/lock.hpp"
#include "host/maker.hpp"

#include <array>
#include <ctime>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr std::int64_t quick_s = 10; ///< a guest that stops sooner than this after its start ...
constexpr unsigned most_quick = 5;   ///< ... this many times in a row is not started again
constexpr int suspended = 2;

config::Action action_for(const config::DomainConfig& config, int reason) {
    switch (reason) {
    case 1: return config.on_reboot;
    case 3: return config.on_crash;
    case 4: return config.on_watchdog;
    case 5: return config.on_soft_reset;
    default: return config.on_poweroff;
    }
}

bool is_restart(config::Action action) {
    using enum config::Action;
    return action == restart || action == rename_restart || action == coredump_restart || action == soft_reset;
}

/// From now on nobody acts on this domain; `why` is told by xl doctor.
void leave(Session& session, DomId id, std::string_view why) {
    auto client = session.store();
    if (!client) return;
    (void)(*client)->remove(watcher_path(id));
    if (!why.empty()) (void)(*client)->write(given_up_path(id), why);
}

/// A core that cannot be written does not keep the guest from being started again.
void keep_core(Session& session, const Listed& entry) {
    auto path = fmt::format("{}/{}", core::core_folder, entry.name);
    log(fmt::format("dumping core to {}", path));
    mkdir(std::string(core::core_folder).c_str(), 0755);
    auto control = session.xen();
    auto done = control ? core::dump_core(**control, entry.info, path) : Result<void>(std::unexpected(control.error()));
    if (!done) log(fmt::format("core dump failed: {}", done.error().what));
}

Result<config::Uuid> new_uuid() {
    std::array<std::uint8_t, 16> random{};
    if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        return fail("no random numbers for a UUID");
    return config::make_uuid(random);
}

/// What a stopped guest's restart is to be.
Result<Restart> planned(const Listed& entry, Kept kept, config::Action action, bool watched) {
    Restart restart;
    restart.name = entry.name;
    restart.old = entry.id();
    restart.uuid = restart.old_uuid = entry.uuid();
    restart.watched = watched;
    if (action == config::Action::rename_restart) { // the old one keeps its UUID
        restart.uuid = TRY(new_uuid());
        // Two may end within a second: the number tells them apart.
        restart.renamed = fmt::format("{}-{}-{}", entry.name, std::time(nullptr), entry.info.domain);
    }
    bool quick = boot_seconds() - kept.started < quick_s;
    kept.quick = quick ? kept.quick + 1 : 0;
    restart.kept = std::move(kept);
    return restart;
}

/// Takes the old domain out of the way.
Result<void> clear_away(Session& session, const Restart& restart) {
    auto info = xen::domain_info(*TRY(session.xen()), restart.old);
    if (!info || Listed{*info, {}}.uuid() != restart.old_uuid || info->flags & abi::dominf_dying) return {};
    if (restart.renamed.empty()) return destroy(session, restart.old);
    leave(session, restart.old, {});
    if (TRY(session.name(restart.old)) == restart.renamed) return {};
    return rename(session, restart.old, restart.renamed);
}

/// The domain that a restart has made already, if its maker died before it could say so. One that tools without
/// host::Maker left half made is removed: they kept its configuration last, before its start.
Result<std::optional<DomId>> made_already(Session& session, const Restart& restart) {
    auto& client = *TRY(session.store());
    for (auto& entry : TRY(list(session))) {
        auto id = entry.id();
        if (entry.uuid() != restart.uuid || id == restart.old || entry.has(abi::dominf_dying)) continue;
        bool ours = client.get(watcher_path(id)) == watcher_mark;
        if (!ours || !entry.has(abi::dominf_paused) || stored(session, id)) return std::optional(id);
        TRY(destroy(session, id));
    }
    return std::nullopt;
}

/// Refuses while somebody makes or removes a domain of this UUID: one that is half there now may be gone in a moment.
Result<void> check_alone(const Restart& restart) {
    auto uuid = config::print(restart.uuid);
    for (auto& line : host::in_progress()) {
        auto words = toolstack::split(line, ' ');
        if (words.size() > 1 && words[1] == uuid) return fail(fmt::format("somebody is still at work: '{}'", line));
    }
    return {};
}

Result<DomId> make_again(Session& session, const Restart& restart) {
    TRY(check_alone(restart)); // before the look at what is there
    TRY(clear_away(session, restart));
    TRY(toolstack::checkpoint("clear the old domain away"));
    if (auto there = TRY(made_already(session, restart))) return *there;
    auto config = TRY(load(restart.kept));
    config.name = restart.name;
    config.uuid = restart.uuid;
    CreateOptions options;
    options.settings = restart.kept.settings;
    std::erase_if(options.settings, [](auto& setting) { return setting.key == "name"; });
    options.settings.push_back({.key = "name", .value = {.text = restart.name}});
    options.quick = restart.kept.quick;
    options.watched = restart.watched;
    options.still_wanted = [&]() -> Result<void> {
        if (find_restart(restart.uuid)) return {};
        return fail("its restart was called off");
    };
    return Creation(session, std::move(config), std::move(options)).run();
}

/// Makes a guest again whose restart is written down.
Result<Acted> carry_out(Session& session, Restart restart) {
    auto id = make_again(session, restart);
    if (id) {
        forget(restart);
        log(fmt::format("{} started again as domain {}", restart.name, id->value));
        return Acted{.heir = restart.uuid};
    }
    if (!find_restart(restart.uuid)) return Acted{}; // called off
    auto& failure = id.error();
    restart.error = failure.remedy.empty() ? failure.what : fmt::format("{} -> {}", failure.what, failure.remedy);
    restart.not_before = boot_seconds() + backoff(++restart.failures);
    (void)save(restart);
    return fail(describe(restart));
}

Result<Acted> act_on(Session& session, DomId id) {
    auto info = TRY(session.info(id));
    if (!needs_action(info)) return Acted{};
    Listed entry{info, session.display_name(id)};
    bool watched = TRY(session.store())->get(watcher_path(id)) == watcher_mark;
    auto kept = stored(session, id);
    auto config = kept ? load(*kept) : std::unexpected(kept.error());
    if (!config) {
        leave(session, id, config.error().what);
        return std::unexpected(in(fmt::format("{} is left as it is", entry.name), std::move(config).error()));
    }
    auto action = action_for(*config, entry.reason());
    log(fmt::format("{} (domain {}) stopped, reason {}: {}", entry.name, id.value, entry.reason(), name(action)));
    auto restart = TRY(planned(entry, std::move(*kept), action, watched));
    if (is_restart(action) && restart.kept.quick >= most_quick) {
        auto why = fmt::format("it stopped {} times within {} s of its start: not started again", most_quick, quick_s);
        leave(session, id, why);
        return fail(fmt::format("{}: {}", entry.name, why));
    }
    if (action == config::Action::coredump_destroy || action == config::Action::coredump_restart)
        keep_core(session, entry);
    if (action == config::Action::preserve) return leave(session, id, {}), Acted{};
    if (!is_restart(action)) {
        TRY(destroy(session, id));
        return Acted{};
    }
    // Where it cannot be written, the old domain stays: it is what says that the guest is to come back.
    auto written = save(restart);
    if (!written) return std::unexpected(in(entry.name + " could not be started again", std::move(written).error()));
    TRY(toolstack::checkpoint("write its restart down"));
    return carry_out(session, std::move(restart));
}

} // namespace

void log(std::string_view text) {
    auto now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    auto line = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} {}\n", local.tm_year + 1900, local.tm_mon + 1,
                            local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, text);
    (void)!write(STDERR_FILENO, line.data(), line.size());
}

std::string watcher_path(DomId id) { return fmt::format("/libxl/{}/watcher", id.value); }
std::string given_up_path(DomId id) { return fmt::format("/libxl/{}/given-up", id.value); }

bool needs_action(const xen::DomainInfo& info) {
    if (!(info.flags & abi::dominf_shutdown) || info.flags & abi::dominf_dying) return false;
    return shutdown_reason(info) != suspended; // those are saved by somebody
}

Result<Acted> act(Session& session, std::string_view word) {
    auto number = toolstack::to_unsigned(word);
    DomId id{static_cast<abi::domid_t>(number.value_or(0))};
    auto uuid = number ? Listed{TRY(session.info(id)), {}}.uuid() : TRY(config::parse_uuid(word));
    auto written = [&] { return number ? restart_of(id, uuid) : find_restart(uuid); };
    auto restart = written();
    if (!restart && !number) return Acted{};
    // One guest is acted upon by one process, however many watchers or administrators ask for it.
    auto key = restart ? restart->old_uuid : uuid;
    auto lock = TRY(host::Lock::try_passing(host::run_path("proxenos-act-" + config::print(key))));
    if (!lock) return Acted{.ours = false};
    mend_remains(session, {key, restart ? restart->uuid : uuid}); // of this guest: others' must not delay it
    restart = written();                                          // who had the lock before may have done it
    if (restart) return carry_out(session, std::move(*restart));
    return number ? act_on(session, id) : Acted{};
}

} // namespace domain
