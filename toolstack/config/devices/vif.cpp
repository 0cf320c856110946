// SPDX-License-Identifier: Apache-2.0
// Network interface specifications.
#include "config/devices/vif.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace config {

using toolstack::fail;
using toolstack::Result;

namespace {

Result<std::uint32_t> parse_interval(std::string_view text) {
    std::uint64_t unit = 0;
    if (text.ends_with("us")) unit = 1;
    else if (text.ends_with("ms")) unit = 1000;
    else if (text.ends_with("s")) unit = 1000000;
    auto digits = text.substr(0, text.size() - (unit == 0 ? 0 : unit == 1000000 ? 1 : 2));
    auto number = toolstack::to_unsigned(digits);
    if (!unit || !number || *number == 0 || *number > UINT32_MAX / unit)
        return fail(fmt::format("bad interval '{}' in a rate", text), "write it as 50ms, 500us or 1s");
    return static_cast<std::uint32_t>(*number * unit);
}

Result<bool> set_text(Vif& vif, std::string_view key, std::string_view value) {
    std::string* target = key == "bridge"       ? &vif.bridge
                          : key == "ip"         ? &vif.ip
                          : key == "script"     ? &vif.script
                          : key == "vifname"    ? &vif.name
                          : key == "gatewaydev" ? &vif.gateway_device
                          : key == "netdev"     ? &vif.gateway_device // the name it had before 4.2
                          : key == "forwarddev" ? &vif.forward_device
                          : key == "backend"    ? &vif.backend
                          : key == "model"      ? &vif.model
                                                : nullptr;
    if (!target) return false;
    if (key == "vifname" && value.size() > 15)
        return fail(fmt::format("vifname '{}' is longer than the 15 characters of a Linux interface name", value));
    *target = value;
    return true;
}

constexpr std::string_view known_keys[] = {"mac",    "bridge",  "ip",   "script", "vifname", "gatewaydev",
                                           "netdev", "backend", "rate", "type",   "devid",   "mtu"};

/// Keys that are known and have no effect here: of emulated cards, COLO and xend.
bool is_idle(std::string_view key) {
    return key == "accel" || key == "model" || key == "forwarddev" || key.starts_with("colo_");
}

bool is_known(std::string_view key) {
    return is_idle(key) || std::ranges::find(known_keys, key) != std::end(known_keys);
}

Result<void> set(Vif& vif, std::string_view key, std::string_view value) {
    if (TRY(set_text(vif, key, value))) return {};
    if (key == "mac") {
        vif.mac = TRY(parse_mac(value));
    } else if (key == "rate") {
        vif.rate = TRY(parse_rate(value));
    } else if (key == "type") {
        if (value != "ioemu" && value != "vif")
            return fail(fmt::format("unknown vif type '{}'", value), "use type=vif, or type=ioemu for HVM");
        vif.emulated = value == "ioemu";
        vif.typed = true;
    } else if (key == "devid" || key == "mtu") {
        auto number = toolstack::to_unsigned(value);
        auto most = key == "mtu" ? 65535u : 65534u;
        if (!number || *number > most || (key == "mtu" && *number < 68))
            return fail(fmt::format("bad {} '{}'", key, value));
        (key == "mtu" ? vif.mtu : vif.devid) = static_cast<unsigned>(*number);
    } else if (!is_idle(key)) {
        return fail(fmt::format("unknown key '{}' in a vif", key),
                    "see xl man xl.cfg, and man xl-network-configuration");
    }
    return {};
}

} // namespace

Result<Rate> parse_rate(std::string_view text) {
    auto wrong = [&] { return fail(fmt::format("bad rate '{}'", text), "write it as 10Mb/s, or 250KB/s@20ms"); };
    Rate rate;
    auto at = text.find('@');
    if (at != std::string_view::npos) rate.interval_us = TRY(parse_interval(text.substr(at + 1)));
    auto amount = text.substr(0, at);
    if (!amount.ends_with("/s")) return wrong();
    amount.remove_suffix(2);
    if (amount.empty() || (amount.back() != 'b' && amount.back() != 'B')) return wrong();
    std::uint64_t divisor = amount.back() == 'b' ? 8 : 1, unit = 1;
    amount.remove_suffix(1);
    if (!amount.empty()) {
        switch (amount.back()) {
        case 'K': unit = 1000; break;
        case 'M': unit = 1000000; break;
        case 'G': unit = 1000000000; break;
        default: break;
        }
        if (unit != 1) amount.remove_suffix(1);
    }
    auto number = toolstack::to_unsigned(amount);
    if (!number || *number > UINT64_MAX / unit) return wrong();
    unsigned __int128 bytes = static_cast<unsigned __int128>(*number * unit / divisor) * rate.interval_us / 1000000;
    if (bytes == 0 || bytes > UINT32_MAX) return wrong(); // the back end takes 32 bits of credit
    rate.bytes_per_interval = static_cast<std::uint64_t>(bytes);
    return rate;
}

Result<Vif> parse_vif(std::string_view text, std::vector<std::string>* warnings) {
    Vif vif;
    for (auto part : toolstack::split(text, ',')) {
        part = toolstack::trim(part);
        if (part.empty()) continue;
        auto equals = part.find('=');
        if (equals == std::string_view::npos) {
            if (part != "trusted" && part != "untrusted") {
                if (!warnings) return fail(fmt::format("vif '{}': '{}' is not KEY=VALUE", text, part));
                warnings->push_back(fmt::format("vif '{}': '{}' is not KEY=VALUE: ignored", text, part));
                continue;
            }
            vif.trusted = part == "trusted";
            continue;
        }
        auto key = toolstack::trim(part.substr(0, equals));
        if (warnings && !is_known(key)) {
            warnings->push_back(fmt::format("vif '{}': unknown word '{}' ignored", text, key));
            continue;
        }
        if (warnings && is_idle(key))
            warnings->push_back(fmt::format("vif '{}': {} has no effect on a paravirtual interface", text, key));
        auto done = set(vif, key, toolstack::trim(part.substr(equals + 1)));
        if (!done) return std::unexpected(in(fmt::format("vif '{}'", text), std::move(done).error()));
    }
    return vif;
}

std::string print(const Vif& vif) {
    std::string out = vif.emulated ? "type=ioemu" : vif.typed ? "type=vif" : "";
    auto add = [&](std::string_view key, std::string_view value) {
        if (!value.empty()) out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, value);
    };
    if (vif.mac) add("mac", print(*vif.mac));
    add("bridge", vif.bridge);
    add("ip", vif.ip);
    add("script", vif.script);
    add("vifname", vif.name);
    add("gatewaydev", vif.gateway_device);
    add("forwarddev", vif.forward_device);
    add("backend", vif.backend);
    add("model", vif.model);
    if (vif.devid) add("devid", std::to_string(*vif.devid));
    if (vif.mtu) add("mtu", std::to_string(*vif.mtu));
    if (vif.trusted) (out += out.empty() ? "" : ",") += *vif.trusted ? "trusted" : "untrusted";
    if (vif.rate) {
        auto us = vif.rate->interval_us;
        // Ceiling, so that the division of the reader gives the same bytes back.
        auto per_second = (static_cast<unsigned __int128>(vif.rate->bytes_per_interval) * 1000000 + us - 1) / us;
        add("rate", fmt::format("{}B/s@{}us", static_cast<std::uint64_t>(per_second), us));
    }
    return out;
}

} // namespace config
