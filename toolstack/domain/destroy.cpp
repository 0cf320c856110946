// SPDX-License-Identifier: Apache-2.0
// The end of a domain.
#include "domain/destroy.hpp"

#include "base/checkpoint.hpp"
#include "base/stop_signal.hpp"
#include "base/timing.hpp"
#include "domain/device.hpp"
#include "domain/devices/wait.hpp"
#include "domain/domains.hpp"
#include "domain/life/action.hpp"
#include "domain/userdata.hpp"
#include "host/maker.hpp"
#include "host/process.hpp"
#include "store/watching.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace domain {

namespace {

/// Whether a domain other than `id` has the UUID that this node stands for.
Result<bool> is_others(Session& session, DomId id, std::string_view vm_path) {
    for (auto& entry : TRY(list(session)))
        if (entry.id() != id && !entry.has(abi::dominf_dying) && vm_path.substr(4) == config::print(entry.uuid()))
            return true;
    return false;
}

} // namespace

Result<void> remove_traces(Session& session, DomId id, const std::string& vm_path) {
    auto& client = *TRY(session.store());
    std::vector<std::string> paths;
    if (vm_path.starts_with("/vm/") && !TRY(is_others(session, id, vm_path))) paths.push_back(vm_path);
    paths.push_back(path_of(id));
    paths.push_back(fmt::format("/libxl/{}", id.value));
    for (auto kind : {"console", "vbd", "vif", "qdisk", "vfb", "vkbd"})
        paths.push_back(fmt::format("/local/domain/0/backend/{}/{}", kind, id.value));
    for (auto& path : paths)
        TRY(or_fail(client.post(abi::XenstoreOp::Rm, {path, std::string_view("", 1)}, store::Transaction::none),
                    "cannot remove its nodes"));
    (void)client.flush(); // what was not there is no failure
    auto left = client.list(paths[1]);
    if (!left && left.error().code == ENOENT) return {};
    return left ? fail(fmt::format("'{}' cannot be removed", paths[1]))
                : or_fail(xen::Result<>(std::unexpected(left.error())), "cannot remove its nodes");
}

Result<void> end_domain(xen::Control& control, DomId id) {
    auto done = xen::destroy_domain(control, id);
    if (done || done.error().code == ESRCH) return {};
    return or_fail(std::move(done), fmt::format("cannot destroy domain {}", id.value));
}

void await_end(Session& session, DomId id) {
    constexpr long patience_ms = 5000, silent_ms = 500; // libxl does not wait at all
    constexpr long most_pause_ms = 100;                 // stock's daemon does not tell of every end
    auto control = session.xen();
    auto client = session.store();
    if (!control || !client || !xen::domain_info(**control, id)) return;
    const std::string path[] = {"@releaseDomain"};
    auto watching = store::Watching::start(**client, path);
    auto begun = host::now_ms();
    bool told = false;
    for (long pause_ms = 1; xen::domain_info(**control, id); pause_ms = std::min(2 * pause_ms, most_pause_ms)) {
        auto waited = host::now_ms() - begun;
        if (waited >= patience_ms)
            return session.tell(fmt::format("domain {} is gone, but others still use some of its memory", id.value));
        if (waited >= silent_ms && !std::exchange(told, true))
            session.tell(fmt::format("waiting until others let go of domain {}'s memory", id.value));
        if (!wait_for_change(**client, pause_ms)) return;
    }
}

namespace {

Result<void> remove_all(Session& session, DomId id, bool noted) {
    toolstack::StopShield shield;
    auto& control = *TRY(session.xen());
    auto info = TRY(session.info(id));
    auto uuid = Listed{info, {}}.uuid();
    std::optional<host::Maker> maker;
    if (!noted)
        // Where there is no room to write it down, it is done all the same: it makes room.
        if (auto begun = host::Maker::begin(fmt::format("destroy {} {}", config::print(uuid), id.value)))
            maker.emplace(std::move(*begun));
    auto vm_path = TRY(session.store())->get(path_of(id) + "/vm").value_or("");
    toolstack::mark_time("look");
    // From here on, and not before, nobody acts on its end: whoever dies now, it is removed.
    (void)TRY(session.store())->remove(watcher_path(id));
    (void)xen::pause_domain(control, id); // so that it does not run with half of its devices
    TRY(toolstack::checkpoint("pause it"));
    Result<void> result;
    auto keep = [&](Result<void> part) {
        if (!part && result) result = std::move(part);
    };
    toolstack::mark_time("pause");
    auto devices = devices_of(session, id);
    toolstack::mark_time("find devices");
    if (devices) keep(detach(session, *devices));
    else keep(std::unexpected(devices.error()));
    keep(toolstack::checkpoint("take its devices away"));
    toolstack::mark_time("detach");
    keep(end_domain(control, id));
    keep(toolstack::checkpoint("end it"));
    toolstack::mark_time("destroy");
    keep(remove_traces(session, id, vm_path));
    keep(toolstack::checkpoint("remove its nodes"));
    toolstack::mark_time("remove nodes");
    remove_userdata(id, uuid);
    if (!result && maker) maker->leave_behind();
    return result;
}

} // namespace

Result<void> destroy(Session& session, DomId id, bool noted) {
    if (id.value == 0) return fail("domain 0 cannot be destroyed", "shut the host down instead");
    auto result = remove_all(session, id, noted);
    await_end(session, id); // all is done: who is killed here leaves nothing behind
    return result;
}

} // namespace domain
