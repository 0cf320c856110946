// SPDX-License-Identifier: Apache-2.0
// /dev/xen/evtchn by its ioctls: read() takes a fired port, write() unmasks it.
#include "xen/event_channel.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "xen/linux_ioctl.hpp"

namespace xen {

namespace io = linux_ioctl;

Result<EventChannel> EventChannel::open() {
    return EventChannel{XEN_TRY(FileDescriptor::open("/dev/xen/evtchn", O_RDWR | O_NONBLOCK))};
}

Result<Port> EventChannel::bind_interdomain(DomId remote, Port remote_port) {
    io::EvtchnBindInterdomain bind{remote.value, remote_port.value};
    int const port = ::ioctl(file_.get(), io::evtchn_bind_interdomain, &bind);
    if (port < 0) return fail_errno(fmt::format("bind event channel {} of domain {}", remote_port.value, remote.value));
    return Port{static_cast<std::uint32_t>(port)};
}

Result<Port> EventChannel::bind_unbound(DomId remote) {
    io::EvtchnOne bind{remote.value};
    int const port = ::ioctl(file_.get(), io::evtchn_bind_unbound_port, &bind);
    if (port < 0) return fail_errno(fmt::format("open an event channel for domain {}", remote.value));
    return Port{static_cast<std::uint32_t>(port)};
}

Result<Port> EventChannel::bind_virq(abi::Virq virq) {
    io::EvtchnOne bind{static_cast<std::uint32_t>(virq)};
    int const port = ::ioctl(file_.get(), io::evtchn_bind_virq, &bind);
    if (port < 0) return fail_errno(fmt::format("bind virtual interrupt {}", bind.value));
    return Port{static_cast<std::uint32_t>(port)};
}

Result<> EventChannel::unbind(Port port) {
    io::EvtchnOne unbind{port.value};
    if (::ioctl(file_.get(), io::evtchn_unbind, &unbind) < 0)
        return fail_errno(fmt::format("unbind event channel {}", port.value));
    return {};
}

Result<> EventChannel::notify(Port port) const {
    io::EvtchnOne notify{port.value};
    if (::ioctl(file_.get(), io::evtchn_notify, &notify) < 0)
        return fail_errno(fmt::format("notify event channel {}", port.value));
    return {};
}

Result<std::optional<Port>> EventChannel::pending() {
    std::uint32_t port = 0;
    ssize_t const got = ::read(file_.get(), &port, sizeof port);
    if (got == sizeof port) return Port{port};
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<Port>{};
    if (got < 0 && errno == EFBIG) { // the kernel's buffer overflowed: start it anew, callers look at all ports
        ::ioctl(file_.get(), io::evtchn_reset, 0);
        return fail(EFBIG, "event channel buffer overflowed");
    }
    return fail_errno("read /dev/xen/evtchn");
}

Result<> EventChannel::unmask(Port port) {
    if (::write(file_.get(), &port.value, sizeof port.value) != sizeof port.value)
        return fail_errno(fmt::format("unmask event channel {}", port.value));
    return {};
}

} // namespace xen
