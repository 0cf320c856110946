// SPDX-License-Identifier: Apache-2.0
// VNC and SDL.
#include "domain/devices/display.hpp"

#include "base/text.hpp"
#include "domain/devices/device_model.hpp"
#include "host/process.hpp"
#include "host/qmp.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace domain {

std::vector<std::string> display_words(const config::Vfb* vfb) {
    if (!vfb) return {"-display", "none"};
    std::vector<std::string> words;
    if (vfb->shows_vnc()) {
        words = {"-vnc", fmt::format("{}:{}", vfb->address(), vfb->display())};
        if (!vfb->password.empty()) words.back() += ",password=on";
        if (vfb->seeks_display()) words.back() += ",to=99";
    }
    bool window = vfb->sdl.value_or(false);
    words.insert(words.end(), {"-display", !window ? "none" : vfb->opengl.value_or(false) ? "sdl,gl=on" : "sdl"});
    if (!vfb->keymap.empty()) words.insert(words.end(), {"-k", vfb->keymap});
    return words;
}

std::vector<std::string> display_environment(const config::Vfb* vfb) {
    if (!vfb) return {};
    std::vector<std::string_view> names;
    std::vector<std::string> set;
    auto add = [&](std::string_view name, const std::string& value) {
        if (value.empty()) return;
        names.push_back(name);
        set.push_back(std::string(name) + value);
    };
    add("DISPLAY=", vfb->x_display);
    add("XAUTHORITY=", vfb->x_authority);
    if (set.empty()) return {};
    auto out = host::environment_without(names);
    std::ranges::move(set, std::back_inserter(out));
    return out;
}

Result<void> open_display(Session& session, DomId guest, const config::Vfb& vfb) {
    if (!vfb.shows_vnc()) return {};
    auto qemu = TRY(host::Qmp::connect(qmp_path(guest)));
    if (!vfb.password.empty()) TRY(qemu.execute("set_password", {{"protocol", "vnc"}, {"password", vfb.password}}));
    auto server = TRY(qemu.execute("query-vnc"));
    auto console = path_of(guest) + "/console";
    auto& client = *TRY(session.store());
    auto keep = [&](const char* key, const std::string& value) {
        return or_fail(client.write(fmt::format("{}/{}", console, key), value), "cannot tell where the VNC server is");
    };
    TRY(keep("vnc-listen", host::text_of(server, "host", vfb.address())));
    TRY(keep("vnc-port", host::text_of(server, "service", std::to_string(config::first_vnc_port + vfb.display()))));
    if (vfb.password.empty()) return {};
    // The guest may read its own console's nodes, but it has no business with this: hidden first, filled then.
    TRY(keep("vnc-pass", ""));
    TRY(or_fail(client.set_permissions(console + "/vnc-pass", std::vector<std::string>{"n0"}),
                "cannot hide the VNC password"));
    return keep("vnc-pass", vfb.password);
}

Result<VncServer> vnc_server_of(Session& session, DomId guest) {
    auto none = [&] {
        return fail(fmt::format("domain {} has no VNC server", guest.value), "give it vfb = [\"vnc=1\"]");
    };
    auto qemu = host::Qmp::connect(qmp_path(guest));
    if (!qemu) return none();
    auto server = TRY(qemu->execute("query-vnc"));
    auto port = toolstack::to_unsigned(host::text_of(server, "service", ""));
    if (!port || *port < config::first_vnc_port) return none();
    auto address = host::text_of(server, "host", "127.0.0.1");
    if (address.find(':') != address.npos) address = fmt::format("[{}]", address);
    auto password = TRY(session.store())->get(path_of(guest) + "/console/vnc-pass").value_or("");
    return VncServer{fmt::format("{}:{}", address, *port - config::first_vnc_port), password};
}

} // namespace domain
