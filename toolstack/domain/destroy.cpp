// SPDX-License-Identifier: Apache-2.0
// The end of a domain.
#include "domain/destroy.hpp"

#include "base/checkpoint.hpp"
#include "base/stop_signal.hpp"
#include "base/timing.hpp"
#include "domain/device.hpp"
#include "domain/domains.hpp"
#include "domain/userdata.hpp"

#include <fmt/format.h>

namespace domain {

void remove_traces(Session& session, DomId id, const std::string& vm_path) {
    auto client = session.store();
    if (!client) return;
    auto nul = std::string_view("", 1);
    auto remove = [&](const std::string& path) {
        (void)(*client)->post(abi::XenstoreOp::Rm, {path, nul}, store::Transaction::none);
    };
    if (vm_path.starts_with("/vm/")) remove(vm_path);
    remove(path_of(id));
    remove(fmt::format("/libxl/{}", id.value));
    for (auto kind : {"console", "vbd", "vif", "qdisk", "vfb", "vkbd"})
        remove(fmt::format("/local/domain/0/backend/{}/{}", kind, id.value));
    (void)(*client)->flush(); // what was not there is no failure
}

Result<void> destroy(Session& session, DomId id) {
    if (id.value == 0) return fail("domain 0 cannot be destroyed", "shut the host down instead");
    toolstack::StopShield shield;
    auto& control = *TRY(session.xen());
    auto info = TRY(session.info(id));
    auto vm_path = TRY(session.store())->get(path_of(id) + "/vm").value_or("");
    toolstack::mark_time("look");
    (void)xen::pause_domain(control, id); // so that it does not run with half of its devices
    Result<void> result;
    auto keep = [&](Result<void> part) {
        if (!part && result) result = std::move(part);
    };
    toolstack::mark_time("pause");
    auto devices = devices_of(session, id);
    toolstack::mark_time("find devices");
    if (devices) keep(detach(session, *devices));
    toolstack::mark_time("detach");
    keep(or_fail(xen::destroy_domain(control, id), fmt::format("cannot destroy domain {}", id.value)));
    keep(toolstack::checkpoint("end it"));
    toolstack::mark_time("destroy");
    remove_traces(session, id, vm_path);
    toolstack::mark_time("remove nodes");
    remove_userdata(id, Listed{info, {}}.uuid());
    return result;
}

} // namespace domain
