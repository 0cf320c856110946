// SPDX-License-Identifier: Apache-2.0
// shutdown and reboot, with their waits.
#include "domain/domains.hpp"
#include "domain/tune.hpp"
#include "xl/life.hpp"

#include <algorithm>

namespace xl {
namespace {

Result<void> ask(Context& context, DomId id, bool reboot, bool fallback) {
    auto info = TRY(context.session.info(id));
    bool hvm = info.flags & abi::dominf_hvm_guest;
    if (fallback && hvm && !domain::answers(context.session, id, reboot ? "reboot" : "poweroff"))
        return domain::or_fail(
            xen::send_trigger(*TRY(context.session.xen()), id, reboot ? abi::Trigger::Reset : abi::Trigger::Power, 0),
            "cannot press its button");
    return domain::request_shutdown(context.session, id, reboot ? "reboot" : "poweroff");
}

/// Waits until all have stopped or are gone.
Result<void> wait(Context& context, std::vector<DomId> waiting) {
    auto& client = *TRY(context.session.store());
    TRY(domain::or_fail(client.watch("@releaseDomain", "wait"), "cannot watch the domains"));
    for (;;) {
        std::erase_if(waiting, [&](DomId id) {
            auto info = xen::domain_info(**context.session.xen(), id);
            if (!info) {
                out("Domain {} has been destroyed\n", id.value);
                return true;
            }
            auto reason = domain::shutdown_reason(*info);
            if (reason < 0) return false;
            out("Domain {} has been shut down, reason code {}\n", id.value, reason);
            return true;
        });
        fflush(stdout);
        if (waiting.empty()) return {};
        // A second's timeout as well: a domain may vanish while nobody tells xenstored.
        TRY(domain::or_fail(client.next_event(1000), "xenstore"));
    }
}

Result<int> run(Context& context, const Words& words, bool reboot) {
    std::vector<DomId> ids;
    if (words.has('a')) {
        if (!words.words.empty()) return fail("-a takes no domain", "leave one of them away");
        for (auto& entry : TRY(domain::list(context.session)))
            if (entry.info.domain != 0 && entry.reason() < 0) ids.push_back(entry.id());
    } else if (words.words.empty()) {
        return fail(fmt::format("'xl {}' requires at least 1 argument.", reboot ? "reboot" : "shutdown"),
                    "name a domain, or use -a");
    } else {
        ids.push_back(TRY(context.session.existing(words.words[0])));
    }
    for (auto id : ids) {
        if (id.value == 0) return fail("domain 0 is not shut down this way", "use poweroff or reboot");
        note("{} domain {}", reboot ? "Rebooting" : "Shutting down", id.value);
        if (!context.dry_run) TRY(ask(context, id, reboot, words.has('F')));
    }
    if (!words.has('w') || context.dry_run) return exit_good;
    note("Waiting for {} domains", ids.size());
    TRY(wait(context, std::move(ids)));
    return exit_good;
}

} // namespace

Result<int> run_shutdown(Context& context, const Words& words) { return run(context, words, false); }
Result<int> run_reboot(Context& context, const Words& words) { return run(context, words, true); }

} // namespace xl
