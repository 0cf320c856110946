// SPDX-License-Identifier: Apache-2.0
// Paravirtual frame buffers: "vnc=1,vnclisten=0.0.0.0,vncdisplay=3,keymap=de" (xl.cfg(5), vfb).
#pragma once

#include "base/failure.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// VNC's port of display 0; display N has the N-th after it.
inline constexpr unsigned first_vnc_port = 5900;

/// One frame buffer, with its keyboard and pointer, as configured. Empty: not given.
struct Vfb {
    std::optional<bool> vnc; ///< a VNC server shows it; the default
    std::string listen;      ///< its address, by default 127.0.0.1
    std::optional<unsigned> vnc_display;
    std::optional<bool> find_unused; ///< the first free display from that number on; the default with VNC
    std::string password;            ///< VNC's
    std::optional<bool> sdl, opengl;
    std::string x_display, x_authority; ///< of SDL's window
    std::string keymap;
    bool operator==(const Vfb&) const = default;

    bool shows_vnc() const { return vnc.value_or(true); }
    bool seeks_display() const { return shows_vnc() && find_unused.value_or(true); }
    /// The VNC server's address without a display, and that display: "0.0.0.0:7" has both.
    std::string address() const;
    unsigned display() const;
};

/// Reads a specification; empty text is a frame buffer with all defaults. Keys that nobody knows are told in
/// `warnings`, as stock tools pass over them.
toolstack::Result<Vfb> parse_vfb(std::string_view text, std::vector<std::string>& warnings);

/// Canonical text that parse_vfb reads back as an equal value.
std::string print(const Vfb& vfb);

} // namespace config
