// SPDX-License-Identifier: Apache-2.0
// uptime: how long domains have run, from the start time that their creator stored.
#include "domain/domains.hpp"
#include "xl/json.hpp"
#include "xl/listing.hpp"

#include <cstdlib>
#include <ctime>

namespace xl {
namespace {

/// Seconds since the domain started; of domain 0 since the machine booted. 0 when nobody stored it.
long seconds_up(Context& context, const domain::Listed& entry, const timespec& now) {
    if (entry.info.domain == 0) {
        timespec time{};
        clock_gettime(CLOCK_BOOTTIME, &time);
        return time.tv_sec;
    }
    auto client = context.session.store();
    if (!client) return 0;
    auto stored = (*client)->get("/vm/" + config::print(entry.uuid()) + "/start_time");
    if (!stored) return 0;
    // Seconds since 1970, with hundredths; as stock xl, whole seconds are counted, so that both always say the same.
    return static_cast<long>(now.tv_sec) - std::strtol(stored->c_str(), nullptr, 10);
}

std::string spell(long seconds, bool brief) {
    auto days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
    std::string text;
    if (days > 1) text = fmt::format("{} days, ", days);
    else if (days == 1) text = "1 day, ";
    if (brief) return text + fmt::format("{:>2}:{:02}", hours, minutes);
    return text + fmt::format("{:>2}:{:02}:{:02}", hours, minutes, seconds % 60);
}

} // namespace

Result<int> run_uptime(Context& context, const Words& words) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    bool brief = words.has('s');
    auto domains = TRY(domain::list(context.session, words.words));
    if (words.has('J')) {
        Rows rows;
        for (auto& entry : domains)
            rows.row()
                .text("name", entry.name)
                .number("domid", entry.info.domain)
                .number("uptime_seconds", seconds_up(context, entry, now));
        out("{}", rows.print());
        return exit_good;
    }
    std::tm local{};
    localtime_r(&now.tv_sec, &local);
    if (!brief) out("{:<33} {:>4} {}\n", "Name", "ID", "Uptime");
    for (auto& entry : domains) {
        auto up = seconds_up(context, entry, now);
        if (brief)
            out(" {:02}:{:02}:{:02} up {}, {} ({})\n", local.tm_hour, local.tm_min, local.tm_sec, spell(up, true),
                entry.name, entry.info.domain);
        else out("{:<33} {:>4} {}\n", entry.name, entry.info.domain, spell(up, false));
    }
    return exit_good;
}

} // namespace xl
