// SPDX-License-Identifier: Apache-2.0
// rtnetlink (Linux: include/uapi/linux/rtnetlink.h). Written out: four requests are needed, the tools are static, and
// libmnl has no static form in Debian.
#include "host/link.hpp"

#include "base/text.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace host {

using toolstack::fail;
using toolstack::Result;

namespace {

/// A request: header, fixed part, attributes.
class Request {
  public:
    template <class Fixed> Request(unsigned type, unsigned flags, const Fixed& fixed) {
        nlmsghdr header{};
        header.nlmsg_type = static_cast<__u16>(type);
        header.nlmsg_flags = static_cast<__u16>(NLM_F_REQUEST | NLM_F_ACK | flags);
        append(&header, sizeof header);
        append(&fixed, sizeof fixed);
    }
    void add(unsigned type, const void* data, std::size_t size) {
        rtattr head{};
        head.rta_type = static_cast<unsigned short>(type);
        head.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
        append(&head, sizeof head);
        append(data, size);
    }
    void add(unsigned type, std::uint32_t value) { add(type, &value, sizeof value); }
    /// The bytes with their length filled in.
    const std::vector<char>& bytes() {
        auto size = static_cast<std::uint32_t>(bytes_.size());
        std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
        return bytes_;
    }

  private:
    void append(const void* data, std::size_t size) {
        auto from = static_cast<const char*>(data);
        bytes_.insert(bytes_.end(), from, from + size);
        bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    }
    std::vector<char> bytes_;
};

/// An ioctl on a named interface.
bool interface_ioctl(const std::string& name, unsigned long request, ifreq& argument) {
    if (name.empty() || name.size() >= IFNAMSIZ) return false;
    xen::FileDescriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::memcpy(argument.ifr_name, name.c_str(), name.size() + 1);
    return any && ioctl(any.get(), request, &argument) == 0;
}

} // namespace

Result<Address> parse_address(std::string_view text) {
    Address out;
    auto slash = text.find('/');
    out.v6 = text.contains(':');
    auto longest = 8 * out.size();
    auto prefix =
        slash == std::string_view::npos ? longest : toolstack::to_unsigned(text.substr(slash + 1)).value_or(999);
    auto family = out.v6 ? AF_INET6 : AF_INET;
    if (prefix > longest || inet_pton(family, std::string(text.substr(0, slash)).c_str(), out.bytes.data()) != 1)
        return fail(fmt::format("'{}' is not an IP address", text), "write it as 10.1.2.3, 10.1.2.0/24 or fd00::2");
    out.prefix = static_cast<unsigned>(prefix);
    return out;
}

std::string print(const Address& address) {
    char text[INET6_ADDRSTRLEN];
    return inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
}

Result<Links> Links::open() {
    xen::FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket) return fail(fmt::format("cannot reach the kernel's network tables: {}", std::strerror(errno)));
    return Links(std::move(socket));
}

Result<void> Links::send(std::string_view what, const std::vector<char>& message) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    auto failed = [&](int code) {
        return fail(fmt::format("{}: {}", what, std::strerror(code)),
                    code == EPERM ? "run this as root in domain 0" : "");
    };
    if (sendto(socket_.get(), message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) <
        0)
        return failed(errno);
    alignas(nlmsghdr) char buffer[8192];
    ssize_t got;
    while ((got = recv(socket_.get(), buffer, sizeof buffer, 0)) < 0)
        if (errno != EINTR) return failed(errno);
    auto header = reinterpret_cast<nlmsghdr*>(buffer);
    if (static_cast<std::size_t>(got) < NLMSG_LENGTH(sizeof(nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR)
        return failed(EPROTO);
    int error = -static_cast<nlmsgerr*>(NLMSG_DATA(header))->error;
    if (error) return failed(error);
    return {};
}

Result<void> Links::rename(unsigned index, const std::string& name) {
    ifinfomsg fixed{};
    fixed.ifi_index = static_cast<int>(index);
    Request request(RTM_NEWLINK, 0, fixed);
    request.add(IFLA_IFNAME, name.c_str(), name.size() + 1);
    return send(fmt::format("cannot name the interface '{}'", name), request.bytes());
}

Result<void> Links::change(unsigned index, const LinkChange& change) {
    ifinfomsg fixed{};
    fixed.ifi_index = static_cast<int>(index);
    if (change.up) fixed.ifi_flags = fixed.ifi_change = IFF_UP;
    Request request(RTM_NEWLINK, 0, fixed);
    if (change.mac) request.add(IFLA_ADDRESS, change.mac->data(), change.mac->size());
    if (change.mtu) request.add(IFLA_MTU, *change.mtu);
    if (change.master) request.add(IFLA_MASTER, *change.master);
    return send("cannot set the interface up", request.bytes());
}

Result<void> Links::add_address(unsigned index, const Address& address) {
    ifaddrmsg fixed{};
    fixed.ifa_family = address.v6 ? AF_INET6 : AF_INET;
    fixed.ifa_prefixlen = static_cast<__u8>(address.prefix);
    fixed.ifa_index = index;
    Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, fixed);
    request.add(IFA_LOCAL, address.bytes.data(), address.size());
    request.add(IFA_ADDRESS, address.bytes.data(), address.size());
    return send(fmt::format("cannot add the address {}", print(address)), request.bytes());
}

Result<void> Links::add_route(unsigned index, const Address& target, const std::optional<Address>& source,
                              unsigned metric) {
    rtmsg fixed{};
    fixed.rtm_family = target.v6 ? AF_INET6 : AF_INET;
    fixed.rtm_dst_len = static_cast<unsigned char>(target.prefix);
    fixed.rtm_table = RT_TABLE_MAIN;
    fixed.rtm_protocol = RTPROT_BOOT;
    fixed.rtm_scope = RT_SCOPE_LINK;
    fixed.rtm_type = RTN_UNICAST;
    Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, fixed);
    request.add(RTA_DST, target.bytes.data(), target.size());
    request.add(RTA_OIF, index);
    if (source) request.add(RTA_PREFSRC, source->bytes.data(), source->size());
    if (metric) request.add(RTA_PRIORITY, metric);
    return send(fmt::format("cannot add a route to {}/{}", print(target), target.prefix), request.bytes());
}

unsigned link_index(const std::string& name) {
    ifreq argument{};
    return interface_ioctl(name, SIOCGIFINDEX, argument) ? static_cast<unsigned>(argument.ifr_ifindex) : 0;
}

std::optional<unsigned> link_mtu(const std::string& name) {
    ifreq argument{};
    if (!interface_ioctl(name, SIOCGIFMTU, argument)) return std::nullopt;
    return static_cast<unsigned>(argument.ifr_mtu);
}

Result<Address> link_address(const std::string& name) {
    ifreq argument{};
    if (!interface_ioctl(name, SIOCGIFADDR, argument)) {
        if (errno == EADDRNOTAVAIL) return fail(fmt::format("interface '{}' has no IPv4 address", name));
        return fail(fmt::format("there is no interface '{}'", name), "name the way out with gatewaydev=");
    }
    Address out;
    sockaddr_in address{};
    std::memcpy(&address, &argument.ifr_addr, sizeof address);
    std::memcpy(out.bytes.data(), &address.sin_addr, 4);
    return out;
}

std::string default_link() {
    xen::FileDescriptor file(open("/proc/net/route", O_RDONLY | O_CLOEXEC));
    char text[4096];
    auto size = file ? read(file.get(), text, sizeof text) : 0;
    for (auto line : toolstack::split({text, size > 0 ? static_cast<std::size_t>(size) : 0}, '\n')) {
        auto words = toolstack::split(line, '\t'); // interface, destination, ...: all in hexadecimal
        if (words.size() > 2 && words[1] == "00000000") return std::string(toolstack::trim(words[0]));
    }
    return {};
}

Result<void> set_sysctl(const std::string& key, std::string_view value) {
    auto path = "/proc/sys/" + key;
    xen::FileDescriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        return fail(fmt::format("cannot write '{}': {}", path, std::strerror(errno)));
    return {};
}

} // namespace host
