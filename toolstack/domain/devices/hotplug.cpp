// SPDX-License-Identifier: Apache-2.0
// Hotplug scripts.
#include "domain/devices/hotplug.hpp"

#include "base/stop_signal.hpp"
#include "host/process.hpp"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr int time_limit_ms = 30000; ///< a script that hangs must not hang the tools

/// A started script; its process is reaped by finish().
struct Running {
    const Device* device;
    pid_t process;
};

std::vector<std::string> environment_of(const Device& device) {
    auto out = host::environment_without({"XENBUS_", "vif=", "script="});
    auto base = path_of(device.back) + "/";
    out.push_back("script=" + device.script);
    out.push_back("XENBUS_TYPE=" + device.kind);
    out.push_back("XENBUS_PATH=" + device.back_path().substr(base.size()));
    out.push_back("XENBUS_BASE_PATH=backend");
    for (auto& [key, value] : device.script_environment) out.push_back(key + "=" + value);
    return out;
}

Result<Running> start(const Device& device, bool up) {
    bool vif = device.kind == "vif";
    host::Program program{.words = {device.script, vif ? (up ? "online" : "offline") : (up ? "add" : "remove")},
                          .environment = environment_of(device),
                          .own_session = true}; // Ctrl-C is for us: we decide what becomes of the script
    if (vif) program.words.push_back("type_if=vif");
    auto process = host::start(program);
    if (!process) return std::unexpected(in(device.label + ": hotplug script", std::move(process).error()));
    return Running{&device, *process};
}

Result<void> finish(Session& session, const Running& running, bool up, long deadline) {
    auto status = host::finish(running.process, deadline);
    auto& device = *running.device;
    if (!status && toolstack::StopSignals::asked()) return fail("interrupted", "nothing is left behind");
    if (!status)
        return fail(fmt::format("{}: the hotplug script '{}' hangs", device.label, device.script),
                    "see /var/log/xen/xen-hotplug.log");
    auto& client = *TRY(session.store());
    auto hotplug = up ? client.get(device.back_path() + "/hotplug-status") : std::nullopt;
    if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0 && hotplug != "error") return {};
    auto message = client.get(device.back_path() + "/hotplug-error");
    return fail(fmt::format("{}: the hotplug script '{}' failed{}{}", device.label, device.script, message ? ": " : "",
                            message.value_or("")),
                message ? "" : "see /var/log/xen/xen-hotplug.log");
}

} // namespace

Result<void> run_scripts(Session& session, const std::vector<Device>& devices, bool up) {
    Result<void> result;
    std::vector<Running> running;
    for (auto& device : devices) {
        if (device.setup != Setup::script) continue;
        auto started = start(device, up);
        if (started) running.push_back(*started);
        else if (result) result = std::unexpected(std::move(started).error());
    }
    auto deadline = host::now_ms() + time_limit_ms;
    for (auto& script : running) {
        auto finished = finish(session, script, up, deadline);
        if (!finished && result) result = std::move(finished);
    }
    return result;
}

} // namespace domain
