// SPDX-License-Identifier: Apache-2.0
// VNC and SDL.
#include "domain/devices/display.hpp"

#include "base/text.hpp"
#include "host/qmp.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace domain {

namespace {

Result<host::Qmp> qemu_of(DomId guest) { return host::Qmp::connect(fmt::format("/run/xen/qmp-libxl-{}", guest.value)); }

} // namespace

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
    std::vector<std::string> out;
    if (!vfb || (vfb->x_display.empty() && vfb->x_authority.empty())) return out;
    for (char** each = environ; *each; ++each) {
        std::string_view text = *each;
        bool ours = (!vfb->x_display.empty() && text.starts_with("DISPLAY=")) ||
                    (!vfb->x_authority.empty() && text.starts_with("XAUTHORITY="));
        if (!ours) out.emplace_back(text);
    }
    if (!vfb->x_display.empty()) out.push_back("DISPLAY=" + vfb->x_display);
    if (!vfb->x_authority.empty()) out.push_back("XAUTHORITY=" + vfb->x_authority);
    return out;
}

Result<void> open_display(Session& session, DomId guest, const config::Vfb& vfb) {
    if (!vfb.shows_vnc()) return {};
    auto qemu = TRY(qemu_of(guest));
    if (!vfb.password.empty()) TRY(qemu.execute("set_password", {{"protocol", "vnc"}, {"password", vfb.password}}));
    auto server = TRY(qemu.execute("query-vnc"));
    auto console = path_of(guest) + "/console";
    auto& client = *TRY(session.store());
    auto keep = [&](const char* key, const std::string& value) {
        return or_fail(client.write(fmt::format("{}/{}", console, key), value), "cannot tell where the VNC server is");
    };
    TRY(keep("vnc-listen", host::text_of(server, "host", vfb.address())));
    TRY(keep("vnc-port", host::text_of(server, "service", std::to_string(5900 + vfb.display()))));
    if (vfb.password.empty()) return {};
    TRY(keep("vnc-pass", vfb.password));
    // The guest may read its own console's nodes, but it has no business with this.
    return or_fail(client.set_permissions(console + "/vnc-pass", std::vector<std::string>{"n0"}),
                   "cannot hide the VNC password");
}

Result<VncServer> vnc_server_of(Session& session, DomId guest) {
    constexpr unsigned first_port = 5900;
    auto none = [&] {
        return fail(fmt::format("domain {} has no VNC server", guest.value), "give it vfb = [\"vnc=1\"]");
    };
    auto qemu = qemu_of(guest);
    if (!qemu) return none();
    auto server = TRY(qemu->execute("query-vnc"));
    auto port = toolstack::to_unsigned(host::text_of(server, "service", ""));
    if (!port || *port < first_port) return none();
    auto address = host::text_of(server, "host", "127.0.0.1");
    if (address.find(':') != address.npos) address = fmt::format("[{}]", address);
    auto password = TRY(session.store())->get(path_of(guest) + "/console/vnc-pass").value_or("");
    return VncServer{fmt::format("{}:{}", address, *port - first_port), password};
}

} // namespace domain
