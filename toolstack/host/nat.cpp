// SPDX-License-Identifier: Apache-2.0
// Address translation by nftables, through its program, whose language makes each change one transaction.
#include "host/nat.hpp"

#include "host/process.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace host {
namespace {

constexpr std::string_view table = "ip proxenos", forwarding = "net/ipv4/ip_forward";
/// There while translations are; holds what forwarding was before them.
constexpr auto state_path = "/run/xen/proxenos-translation";

char first_character(const std::string& path) {
    xen::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char value = 0;
    return file && read(file.get(), &value, 1) == 1 ? value : '\0';
}

/// Keeps what forwarding is now, unless it is kept already. A file without contents was being written when its writer
/// was killed, before anything else was done.
toolstack::Result<void> keep_forwarding() {
    if (first_character(state_path)) return {};
    auto value = first_character(fmt::format("/proc/sys/{}", forwarding));
    mkdir("/run/xen", 0755);
    xen::FileDescriptor file(open(state_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!value || !file || write(file.get(), &value, 1) != 1)
        return toolstack::fail(fmt::format("cannot write '{}': {}", state_path, std::strerror(errno)));
    return {};
}

} // namespace

std::string translation_commands(const std::vector<Translation>& all) {
    // One transaction: the table goes, whether or not it was there, and comes anew.
    auto text = fmt::format("add table {0}\ndelete table {0}\n", table);
    if (all.empty()) return text;
    text += fmt::format("add table {0}\n"
                        "add set {0} guests {{ type ipv4_addr; }}\n"
                        "add set {0} guests_by_interface {{ type ipv4_addr . ifname; }}\n"
                        "add chain {0} postrouting {{ type nat hook postrouting priority 100; }}\n"
                        "add rule {0} postrouting ip saddr @guests ip daddr != @guests masquerade\n"
                        "add rule {0} postrouting ip saddr . oifname @guests_by_interface masquerade\n",
                        table);
    for (auto& [guest, out] : all)
        text += out.empty()
                    ? fmt::format("add element {} guests {{ {} }}\n", table, print(guest))
                    : fmt::format("add element {} guests_by_interface {{ {} . \"{}\" }}\n", table, print(guest), out);
    return text;
}

bool translating() { return access(state_path, F_OK) == 0; }

toolstack::Result<void> set_translations(const std::vector<Translation>& all) {
    if (all.empty() && !translating()) return {};
    if (!all.empty()) TRY(keep_forwarding());
    auto done = run({"nft", "-f", "-"}, translation_commands(all));
    if (!done) return fail(std::move(done.error().what), "install nftables, or use script=vif-bridge or vif-route");
    if (!all.empty()) return set_sysctl(std::string(forwarding), "1");
    if (first_character(state_path) == '0') TRY(set_sysctl(std::string(forwarding), "0"));
    unlink(state_path);
    return {};
}

} // namespace host
