// SPDX-License-Identifier: Apache-2.0
// Network interface specifications: "mac=...,bridge=xenbr0,rate=10Mb/s" (docs/man xl-network-configuration).
#pragma once

#include "base/failure.hpp"
#include "config/devices/mac.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// A transmit limit: so many bytes in each interval.
struct Rate {
    std::uint64_t bytes_per_interval = 0;
    std::uint32_t interval_us = 50000;
    bool operator==(const Rate&) const = default;
};

/// One virtual network interface as configured. Empty text means "not given".
struct Vif {
    std::optional<Mac> mac;
    std::string bridge, ip, script, name, gateway_device, forward_device, model;
    std::string backend;   ///< domain name or id that runs the back end
    bool emulated = false; ///< type=ioemu: also an emulated card (HVM)
    bool typed = false;    ///< type= was given
    std::optional<unsigned> devid;
    std::optional<unsigned> mtu;
    std::optional<bool> trusted;
    std::optional<Rate> rate;
    bool operator==(const Vif&) const = default;
};

/// Reads a specification; empty text is an interface with all defaults. With `warnings`, words that are unknown or have
/// no effect are passed over with a warning, as in a guest's configuration; without, unknown ones are an error.
toolstack::Result<Vif> parse_vif(std::string_view text, std::vector<std::string>* warnings = nullptr);

/// Reads "10Mb/s", "250KB/s@20ms": K, M, G are powers of 1000; b is bits, B is bytes; the interval is 50 ms if not
/// given.
toolstack::Result<Rate> parse_rate(std::string_view text);

/// Canonical text that parse_vif reads back as an equal value.
std::string print(const Vif& vif);

} // namespace config
