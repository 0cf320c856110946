// SPDX-License-Identifier: Apache-2.0
// Memory for a new guest.
#include "domain/room.hpp"

#include "base/stop_signal.hpp"
#include "base/text.hpp"
#include "domain/tune.hpp"
#include "host/process.hpp"
#include "xen/sysctl.hpp"
#include "xen/version.hpp"

#include <algorithm>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr std::uint64_t least_domain_0_kib = 128 * 1024, reserve_kib = 64 * 1024;
constexpr long patience_ms = 10000; ///< without any progress

Result<std::uint64_t> free_kib(Session& session) {
    auto host = TRY(or_fail(xen::physical_info(*TRY(session.xen())), "cannot examine the host"));
    return (host.free_pages - std::min(host.free_pages, host.outstanding_pages)) * 4;
}

/// What domain 0's kernel could do without, in KiB.
std::uint64_t available_kib() {
    xen::FileDescriptor file(open("/proc/meminfo", O_RDONLY | O_CLOEXEC));
    char text[4096];
    auto size = file ? read(file.get(), text, sizeof text) : 0;
    for (auto line : toolstack::split({text, size > 0 ? static_cast<std::size_t>(size) : 0}, '\n')) {
        if (!line.starts_with("MemAvailable:") || !line.ends_with(" kB")) continue;
        return toolstack::to_unsigned(toolstack::trim(line.substr(13, line.size() - 16))).value_or(0);
    }
    return 0;
}

/// Whether domain 0 may be made smaller. "auto" says no where its size was chosen at boot.
Result<bool> allowed(Session& session) {
    using Auto = config::HostSettings::Autoballoon;
    auto setting = TRY(session.settings())->autoballoon;
    if (setting != Auto::automatic) return setting == Auto::on;
    auto line = TRY(or_fail(xen::command_line(*TRY(session.xen())), "cannot read the hypervisor's command line"));
    for (auto word : toolstack::split(line, ' '))
        if (word.starts_with("dom0_mem=")) return false;
    return true;
}

/// Domain 0's memory: what it is to have, or has, whatever is less.
Result<std::uint64_t> domain_0_kib(Session& session) {
    auto info = TRY(session.info({0}));
    std::uint64_t has = info.tot_pages * 4;
    auto text = TRY(session.store())->get(path_of({0}) + "/memory/target");
    return std::min(has, text ? toolstack::to_unsigned(*text).value_or(has) : has);
}

Result<void> wait_for(Session& session, std::uint64_t kib) {
    auto best = TRY(free_kib(session));
    for (auto deadline = host::now_ms() + patience_ms; best < kib;) {
        if (toolstack::StopSignals::asked())
            return fail("interrupted while domain 0 gave memory", "nothing is left behind");
        if (host::now_ms() >= deadline)
            return fail(
                fmt::format("domain 0 does not give enough memory: {} of {} MiB are free", best >> 10, kib >> 10),
                "end programs in it");
        timespec pause{0, 20000000};
        nanosleep(&pause, nullptr);
        auto now = TRY(free_kib(session));
        if (now > best) {
            best = now;
            deadline = host::now_ms() + patience_ms;
        }
    }
    return {};
}

} // namespace

Result<Room> room(Session& session) {
    Room out{.free = TRY(free_kib(session))};
    if (!TRY(allowed(session))) return out;
    auto has = TRY(domain_0_kib(session)), available = available_kib();
    auto spare = available > reserve_kib ? available - reserve_kib : 0;
    out.from_domain_0 = has > least_domain_0_kib ? std::min(spare, has - least_domain_0_kib) : 0;
    return out;
}

Result<std::optional<Borrowed>> make_room(Session& session, std::uint64_t kib) {
    auto now = TRY(room(session));
    if (now.free >= kib) return std::nullopt;
    if (now.free + now.from_domain_0 < kib)
        return fail(fmt::format("it needs {} MiB, but the host has {} MiB free", kib >> 10, now.free >> 10),
                    "give it less memory, or take some from domain 0: xl mem-set 0 ...");
    Borrowed borrowed{TRY(domain_0_kib(session))};
    auto done = set_memory_target(session, {0}, borrowed.domain_0_kib - (kib - now.free));
    if (done) done = wait_for(session, kib);
    if (done) return borrowed;
    give_back(session, borrowed);
    return std::unexpected(std::move(done).error());
}

void give_back(Session& session, const Borrowed& borrowed) {
    (void)set_memory_target(session, {0}, borrowed.domain_0_kib);
}

} // namespace domain
