// SPDX-License-Identifier: Apache-2.0
// Paravirtual devices: their nodes in xenstore, laid out as libxl does, and their way up and down.
#pragma once

#include "config/disk.hpp"
#include "config/vif.hpp"
#include "domain/session.hpp"

#include <string>
#include <utility>
#include <vector>

namespace domain {

/// States of both ends (public/io/xenbus.h).
enum class BusState { unknown = 0, initialising = 1, init_wait = 2, initialised = 3, connected = 4, closing = 5, closed = 6 };

using Nodes = std::vector<std::pair<std::string, std::string>>;

/// One split device of one domain.
struct Device {
    std::string kind; ///< "vbd", "vif", "console"
    DomId front, back;
    unsigned id = 0;
    std::string label;        ///< for messages: "disk 'xvda'"
    Nodes back_nodes;         ///< beside frontend, frontend-id, online, state
    Nodes front_nodes;        ///< beside backend, backend-id, state
    std::string script;       ///< hotplug script, or empty
    std::vector<std::pair<std::string, std::string>> script_environment;

    std::string front_path() const;
    std::string back_path() const;
    std::string libxl_path() const;
};

/// A disk of a domain. Errors: the target does not exist, or needs a back end that is not there.
Result<Device> make_disk(Session&, DomId front, const config::Disk&);

/// A network interface; `devid` is its number and the MAC must be set. Errors: no such bridge.
Result<Device> make_vif(Session&, DomId front, const config::Vif&, unsigned devid);

/// Puts the requests that write a device's nodes into the client's queue, within a transaction.
xen::Result<> post_nodes(store::Client&, const Device&, store::Transaction);

/// Writes the nodes of all devices, waits for their back ends, runs their hotplug scripts. After an error the caller
/// calls detach() for all of them.
Result<void> attach(Session&, const std::vector<Device>&);

/// Takes devices away: asks politely and waits, or (with `force`) removes the front end at once. Scripts are run and
/// all nodes removed. A guest that does not answer is an error without `force`, and nothing is removed then.
Result<void> detach(Session&, const std::vector<Device>&, bool force);

/// The devices that xenstore lists under /libxl/ID/device.
Result<std::vector<Device>> devices_of(Session&, DomId);

} // namespace domain
