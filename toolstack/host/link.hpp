// SPDX-License-Identifier: Apache-2.0
// Network interfaces, addresses and routes of this host, over rtnetlink.
#pragma once

#include "base/failure.hpp"
#include "xen/handle.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace host {

/// An IPv4 or IPv6 address with the most significant byte first, and the length of its network.
struct Address {
    std::array<std::uint8_t, 16> bytes{}; ///< the first four of IPv4's
    unsigned prefix = 32;
    bool v6 = false;
    std::size_t size() const { return v6 ? 16 : 4; }
    bool operator==(const Address&) const = default;
};

/// Reads "10.1.2.3", "10.1.2.3/24", "fd00::2" or "fd00::/64".
toolstack::Result<Address> parse_address(std::string_view text);
/// Without the length of the network.
std::string print(const Address&);

/// Changes to one interface, made by the kernel in one go; what is not set stays.
struct LinkChange {
    std::optional<std::array<std::uint8_t, 6>> mac;
    std::optional<unsigned> mtu;
    std::optional<unsigned> master; ///< index of the bridge it becomes a port of
    bool up = false;
};

/// A connection to the kernel's routing tables.
class Links {
  public:
    static toolstack::Result<Links> open();
    /// A new name; the interface must be down.
    toolstack::Result<void> rename(unsigned index, const std::string& name);
    toolstack::Result<void> change(unsigned index, const LinkChange&);
    /// Gives the interface an address; having it already is no error.
    toolstack::Result<void> add_address(unsigned index, const Address&);
    /// A route to `target` through the interface, with our `source` address or one that the kernel chooses.
    toolstack::Result<void> add_route(unsigned index, const Address& target, const std::optional<Address>& source,
                                      unsigned metric);

  private:
    explicit Links(xen::FileDescriptor socket) : socket_(std::move(socket)) {}
    toolstack::Result<void> send(std::string_view what, const std::vector<char>& message);
    xen::FileDescriptor socket_;
};

/// Index of an interface, 0 where there is none of this name.
unsigned link_index(const std::string& name);
/// Its MTU in bytes, or nothing.
std::optional<unsigned> link_mtu(const std::string& name);
/// Its first IPv4 address. Errors: no such interface, or it has none.
toolstack::Result<Address> link_address(const std::string& name);

/// The interface of the default route, or an empty name.
std::string default_link();

/// Writes a value to a file below /proc/sys.
toolstack::Result<void> set_sysctl(const std::string& key, std::string_view value);

} // namespace host
