// SPDX-License-Identifier: Apache-2.0
// Devices on their way up, in three parts with the caller's locks around them.
#pragma once

#include "domain/device.hpp"
#include "domain/devices/device_model.hpp"
#include "host/lock.hpp"
#include "host/loop.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace domain {

/// Devices of one domain that are being attached.
class Attachment {
  public:
    /// Looked at within the transaction that writes the nodes; its failure ends the attachment.
    using Check = std::function<Result<void>(store::Transaction)>;

    /// At least one device.
    Attachment(Session&, std::vector<Device>);

    /// The lock under which two guests must not both find a disk unused; none where no disk of these could be. Held
    /// over prepare() and write().
    static Result<std::optional<host::Lock>> lock_storage(Session&, const std::vector<Device>&);
    /// Looks who else uses the disks, and opens them.
    Result<void> prepare();
    /// Writes the nodes in one transaction.
    Result<void> write(const Check&);
    /// Starts QEMU where one needs it, waits for the back ends and sets the host's side up.
    Result<void> bring_up();

  private:
    Session& session_;
    std::vector<Device> devices_;
    std::vector<host::Loop> held_; ///< until the back ends have them
    DeviceModelLog log_;
};

/// Whether a QEMU in domain 0 serves it; that of another domain is out of our sight.
bool by_own_model(const Device&);

} // namespace domain
