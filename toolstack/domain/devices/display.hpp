// SPDX-License-Identifier: Apache-2.0
// What QEMU shows of a guest's frame buffer, and to whom.
#pragma once

#include "config/devices/vfb.hpp"
#include "domain/device.hpp"

namespace domain {

/// QEMU's words for the first frame buffer (it shows one), or for none.
std::vector<std::string> display_words(const config::Vfb*);

/// QEMU's environment with SDL's X display in it; empty where it is ours.
std::vector<std::string> display_environment(const config::Vfb*);

/// Tells a QEMU that serves by now the VNC password, and the store where the server listens: stock `xl vncviewer` looks
/// there.
Result<void> open_display(Session&, DomId guest, const config::Vfb&);

struct VncServer {
    std::string address; ///< "HOST:DISPLAY"
    std::string password;
};

/// Where a guest is shown, as its QEMU says: the nodes of a console are its guest's to write, and a viewer would take
/// what stands there for options. Errors: it has no VNC server.
Result<VncServer> vnc_server_of(Session&, DomId guest);

} // namespace domain
