// SPDX-License-Identifier: Apache-2.0
// Frame buffer specifications.
#include "config/devices/vfb.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace config {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr unsigned last_display = 65535 - first_vnc_port;

struct Flag {
    std::string_view key;
    std::optional<bool> Vfb::* value;
};
constexpr Flag flags[] = {
    {"vnc", &Vfb::vnc}, {"vncunused", &Vfb::find_unused}, {"sdl", &Vfb::sdl}, {"opengl", &Vfb::opengl}};

struct Text {
    std::string_view key;
    std::string Vfb::* value;
};
constexpr Text texts[] = {{"vnclisten", &Vfb::listen},
                          {"vncpasswd", &Vfb::password},
                          {"keymap", &Vfb::keymap},
                          {"display", &Vfb::x_display},
                          {"xauthority", &Vfb::x_authority}};

/// Where the display begins in "HOST:DISPLAY" or "[::1]:DISPLAY"; npos where there is none.
std::size_t display_part(std::string_view listen) {
    auto colon = listen.rfind(':');
    bool bare_v6 = colon != std::string_view::npos && listen.find(':') != colon && listen.find(']') == listen.npos;
    bool within = colon != std::string_view::npos && listen.find(']', colon) != listen.npos;
    return bare_v6 || within ? std::string_view::npos : colon;
}

Result<unsigned> parse_display(std::string_view key, std::string_view text) {
    auto number = toolstack::to_unsigned(text);
    if (!number || *number > last_display)
        return fail(fmt::format("{}: '{}' is no VNC display", key, text),
                    fmt::format("give a number from 0 to {}", last_display));
    return static_cast<unsigned>(*number);
}

Result<void> set(Vfb& vfb, std::string_view key, std::string_view value, std::vector<std::string>& warnings) {
    for (auto& flag : flags) {
        if (flag.key != key) continue;
        if (value != "0" && value != "1") return fail(fmt::format("{}: '{}' is neither 0 nor 1", key, value));
        vfb.*flag.value = value == "1";
        return {};
    }
    for (auto& text : texts) {
        if (text.key != key) continue;
        vfb.*text.value = value;
        if (key != "vnclisten") return {};
        if (auto at = display_part(value); at != value.npos) TRY(parse_display(key, value.substr(at + 1)));
        return {};
    }
    if (key == "vncdisplay") vfb.vnc_display = TRY(parse_display(key, value));
    else if (key != "type" && key != "videoram") // what old tools wrote, without meaning to these
        warnings.push_back(fmt::format("unknown key '{}' in a vfb", key));
    return {};
}

} // namespace

std::string Vfb::address() const {
    if (listen.empty()) return "127.0.0.1";
    return listen.substr(0, display_part(listen));
}

unsigned Vfb::display() const {
    auto at = display_part(listen);
    if (at != std::string::npos)
        return static_cast<unsigned>(toolstack::to_unsigned(std::string_view(listen).substr(at + 1)).value_or(0));
    return vnc_display.value_or(0);
}

Result<Vfb> parse_vfb(std::string_view text, std::vector<std::string>& warnings) {
    Vfb vfb;
    for (auto part : toolstack::split(text, ',')) {
        part = toolstack::trim(part);
        if (part.empty()) continue;
        auto equals = part.find('=');
        if (equals == std::string_view::npos) return fail(fmt::format("vfb '{}': '{}' is not KEY=VALUE", text, part));
        auto done =
            set(vfb, toolstack::trim(part.substr(0, equals)), toolstack::trim(part.substr(equals + 1)), warnings);
        if (!done) return std::unexpected(in(fmt::format("vfb '{}'", text), std::move(done).error()));
    }
    return vfb;
}

std::string print(const Vfb& vfb) {
    std::string out;
    auto add = [&](std::string_view key, std::string_view value) {
        out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, value);
    };
    for (auto& flag : flags)
        if (vfb.*flag.value) add(flag.key, *(vfb.*flag.value) ? "1" : "0");
    if (vfb.vnc_display) add("vncdisplay", std::to_string(*vfb.vnc_display));
    for (auto& text : texts)
        if (!(vfb.*text.value).empty()) add(text.key, vfb.*text.value);
    return out;
}

} // namespace config
