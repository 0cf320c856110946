// SPDX-License-Identifier: Apache-2.0
// Devices of running domains: given and taken while others may do the same.
#pragma once

#include "domain/device.hpp"

namespace domain {

/// Gives a running domain a disk. Under the domain's lock and in one transaction: that the domain is there and has no
/// such disk is seen, the nodes are written, with a mark of ownership, and then what is kept for a restart. On a
/// failure or Ctrl-C what this call made is undone, known by the mark, and nothing else.
Result<void> attach_disk(Session&, DomId, const config::Disk&);

/// The same for an interface. Its number is chosen there, too, where none is given, and its MAC must be set. Gives the
/// number.
Result<unsigned> attach_vif(Session&, DomId, config::Vif);

/// Takes a device from a running domain, as devices_of() gave it: asks politely and waits, or (with `force`) removes it
/// whatever its guest says. A guest that does not let go is an error without `force`; the device is as before then. A
/// later device of the same number is left alone.
Result<void> detach_running(Session&, const Device&, bool force);

/// Undoes or finishes what work left behind whose maker died (host::Maker): an attachment, or a removal. `token` is its
/// mark; `id` and `kind` are those of the device.
Result<void> mend_device(Session&, DomId, std::string_view kind, unsigned id, std::string_view token, bool leaving);

} // namespace domain
