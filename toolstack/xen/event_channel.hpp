// SPDX-License-Identifier: Apache-2.0
// /dev/xen/evtchn: event channels as a file that becomes readable when one fires.
#pragma once

#include <optional>

#include "abi/hypercall.hpp"
#include "xen/handle.hpp"
#include "xen/numbers.hpp"

namespace xen {

/// Owns /dev/xen/evtchn and the ports bound through it; all are unbound when it is destroyed.
class EventChannel {
  public:
    [[nodiscard]] static Result<EventChannel> open();

    /// Binds to a port that `remote` has opened for us. The new local port is pending at once.
    [[nodiscard]] Result<Port> bind_interdomain(DomId remote, Port remote_port);
    /// Opens a port for `remote` to bind to.
    [[nodiscard]] Result<Port> bind_unbound(DomId remote);
    /// EEXIST or EBUSY where somebody else has the (global) virtual interrupt.
    [[nodiscard]] Result<Port> bind_virq(abi::Virq virq);
    [[nodiscard]] Result<> unbind(Port port);
    [[nodiscard]] Result<> notify(Port port) const;
    /// The next port that fired, now masked until unmask(); nothing where none is pending.
    [[nodiscard]] Result<std::optional<Port>> pending();
    [[nodiscard]] Result<> unmask(Port port);

    /// To poll for input.
    [[nodiscard]] int fd() const { return file_.get(); }

  private:
    explicit EventChannel(FileDescriptor file) : file_{std::move(file)} {}
    FileDescriptor file_;
};

} // namespace xen
