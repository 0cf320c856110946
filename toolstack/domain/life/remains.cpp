// SPDX-License-Identifier: Apache-2.0
// What the dead left half done.
#include "domain/life/remains.hpp"

#include "base/stop_signal.hpp"
#include "base/text.hpp"
#include "domain/destroy.hpp"
#include "domain/device.hpp"
#include "domain/devices/running.hpp"
#include "domain/domains.hpp"
#include "domain/userdata.hpp"
#include "host/maker.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace domain {
namespace {

/// A line that a maker wrote, in words: "create UUID [ID]", "start UUID ID", "destroy UUID ID",
/// "attach ID UUID KIND N", "detach ID UUID KIND N [OWNER]".
struct Line {
    std::vector<std::string> words;
    std::string word(std::size_t i) const { return i < words.size() ? words[i] : std::string(); }
    std::optional<DomId> id(std::size_t i) const {
        auto number = toolstack::to_unsigned(word(i));
        if (!number || *number == 0 || *number >= abi::first_reserved) return std::nullopt;
        return DomId{static_cast<abi::domid_t>(*number)};
    }
};

/// The domain with a UUID that is not dying: the one of that number, or (where that is not known) one without nodes.
Result<std::optional<DomId>> find_domain(Session& session, const config::Uuid& uuid, std::optional<DomId> id) {
    auto& client = *TRY(session.store());
    for (auto& entry : TRY(list(session))) {
        if (entry.uuid() != uuid || entry.has(abi::dominf_dying) || (id && entry.id() != *id)) continue;
        if (!id && client.get(path_of(entry.id()) + "/vm")) continue;
        return std::optional(entry.id());
    }
    return std::nullopt;
}

/// Ends a domain that is there still, and what is left of one that is not.
Result<void> end(Session& session, const config::Uuid& uuid, std::optional<DomId> id) {
    if (auto there = TRY(find_domain(session, uuid, id))) return destroy(session, *there, true);
    if (!id) return {};
    auto info = xen::domain_info(*TRY(session.xen()), *id);
    if (info && Listed{*info, {}}.uuid() != uuid) return {}; // the number has another domain by now
    if (auto devices = devices_of(session, *id)) (void)detach(session, *devices);
    TRY(remove_traces(session, *id, "/vm/" + config::print(uuid)));
    remove_userdata(*id, uuid);
    return {};
}

Result<void> start(Session& session, const config::Uuid& uuid, std::optional<DomId> id) {
    auto there = TRY(find_domain(session, uuid, id));
    if (!there) return {};
    auto info = TRY(session.info(*there));
    if (!(info.flags & abi::dominf_paused)) return {};
    return or_fail(xen::unpause_domain(*TRY(session.xen()), *there), "cannot start it");
}

Result<void> device(Session& session, const Line& line, std::string_view token, bool leaving) {
    auto id = line.id(1);
    auto uuid = config::parse_uuid(line.word(2));
    auto number = toolstack::to_unsigned(line.word(4));
    if (!id || !uuid || !number) return {};
    if (!TRY(find_domain(session, *uuid, id))) return {};
    auto mark = leaving ? line.word(5) : std::string(token);
    return mend_device(session, *id, line.word(3), static_cast<unsigned>(*number), mark, leaving);
}

Mended mend(Session& session, const host::Unfinished& work) {
    Line line;
    for (auto word : toolstack::split(work.what, ' ')) line.words.emplace_back(word);
    auto what = line.word(0);
    auto uuid = config::parse_uuid(line.word(1));
    if (what == "attach" || what == "detach")
        return {fmt::format("domain {}: {} {}: its {}ment was cut off", line.word(1), line.word(3), line.word(4), what),
                device(session, line, work.token, what == "detach")};
    if (!uuid) return {fmt::format("unknown work: '{}'", work.what), {}};
    auto guest = fmt::format("guest {}", line.word(1));
    if (what == "start")
        return {guest + ": its creation was cut off before its start", start(session, *uuid, line.id(2))};
    if (what == "destroy") return {guest + ": its removal was cut off", end(session, *uuid, line.id(2))};
    return {guest + ": its creation was cut off", end(session, *uuid, line.id(2))};
}

} // namespace

std::vector<Mended> mend_remains(Session& session, const std::vector<config::Uuid>& only) {
    std::vector<Mended> out;
    auto all = host::unfinished([&](std::string_view line) {
        auto names_it = [&](auto& uuid) { return line.find(config::print(uuid)) != line.npos; };
        return only.empty() || std::ranges::any_of(only, names_it);
    });
    if (all.empty()) return out;
    toolstack::StopShield shield;
    for (auto& work : all) {
        out.push_back(mend(session, work));
        if (!out.back().done) work.leave_behind();
    }
    return out;
}

std::vector<Mended> mend_remains_of(Session& session, DomId id) {
    auto info = session.info(id);
    return info ? mend_remains(session, {Listed{*info, {}}.uuid()}) : std::vector<Mended>{};
}

bool are_remains() {
    bool any = false;
    (void)host::unfinished([&](std::string_view) {
        any = true;
        return false;
    });
    return any;
}

void sweep_traces(Session& session, DomId id) {
    auto client = session.store();
    if (!client || id.value == 0) return;
    if (auto control = session.xen(); !control || xen::domain_info(**control, id)) return; // the number is in use again
    auto vm = (*client)->get(path_of(id) + "/vm").value_or("");
    if (auto devices = devices_of(session, id)) (void)detach(session, *devices);
    auto uuid = config::parse_uuid(vm.starts_with("/vm/") ? vm.substr(4) : "");
    (void)remove_traces(session, id, vm);
    if (uuid) remove_userdata(id, *uuid);
}

Result<std::vector<DomId>> stale_domains(Session& session) {
    std::vector<DomId> out;
    auto& client = *TRY(session.store());
    std::vector<std::string> named;
    for (auto root : {"/local/domain", "/libxl"})
        for (auto& id : client.list(root).value_or(std::vector<std::string>{})) named.push_back(std::move(id));
    std::ranges::sort(named);
    named.erase(std::unique(named.begin(), named.end()), named.end());
    auto there = TRY(list(session)); // behind the names: what is made meanwhile is in neither
    for (auto& name : named) {
        auto id = toolstack::to_unsigned(name);
        if (!id || *id == 0 || *id >= abi::first_reserved) continue;
        if (std::ranges::none_of(there, [&](auto& entry) { return entry.info.domain == *id; }))
            out.push_back({static_cast<abi::domid_t>(*id)});
    }
    return out;
}

} // namespace domain
