// SPDX-License-Identifier: Apache-2.0
// Address translation by nftables, through its program, whose language makes each change one transaction.
#include "host/nat.hpp"

#include "host/process.hpp"

#include <fmt/format.h>

namespace host {
namespace {

constexpr std::string_view table = "ip proxenos";

/// Element of the set that fits: an address, or an address with an interface.
std::string element(const Address& guest, const std::string& out_interface) {
    if (out_interface.empty()) return fmt::format("{} guests {{ {} }}", table, print(guest));
    return fmt::format("{} guests_by_interface {{ {} . \"{}\" }}", table, print(guest), out_interface);
}

} // namespace

std::string translate_commands(const Address& guest, const std::string& out_interface) {
    // One transaction: the sets keep their elements when they are there already, the chain is written anew.
    return fmt::format("add table {0}\n"
                       "add set {0} guests {{ type ipv4_addr; }}\n"
                       "add set {0} guests_by_interface {{ type ipv4_addr . ifname; }}\n"
                       "add chain {0} postrouting {{ type nat hook postrouting priority 100; }}\n"
                       "flush chain {0} postrouting\n"
                       "add rule {0} postrouting ip saddr @guests ip daddr != @guests masquerade\n"
                       "add rule {0} postrouting ip saddr . oifname @guests_by_interface masquerade\n"
                       "add element {1}\n",
                       table, element(guest, out_interface));
}

std::string stop_commands(const Address& guest, const std::string& out_interface) {
    return fmt::format("delete element {}\n", element(guest, out_interface));
}

toolstack::Result<void> translate(const Address& guest, const std::string& out_interface) {
    auto done = run({"nft", "-f", "-"}, translate_commands(guest, out_interface));
    if (done) return {};
    return fail(std::move(done.error().what), "install nftables, or use script=vif-bridge or vif-route");
}

void stop_translating(const Address& guest, const std::string& out_interface) {
    if (!run({"nft", "-f", "-"}, stop_commands(guest, out_interface))) return; // never begun, or no nft
    auto left = run({"nft", "list", "table", "ip", "proxenos"}, "");
    if (left && left->find("elements") == std::string::npos)
        (void)run({"nft", "delete", "table", "ip", "proxenos"}, "");
}

} // namespace host
