// SPDX-License-Identifier: Apache-2.0
// Paravirtual devices: their nodes in xenstore, laid out as libxl does, and their way up and down.
#pragma once

#include "config/devices/disk.hpp"
#include "config/devices/vfb.hpp"
#include "config/devices/vif.hpp"
#include "domain/session.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace domain {

/// States of both ends (public/io/xenbus.h).
enum class BusState {
    unknown = 0,
    initialising = 1,
    init_wait = 2,
    initialised = 3,
    connected = 4,
    closing = 5,
    closed = 6
};

using Nodes = std::vector<std::pair<std::string, std::string>>;

/// How the host's side of a device is set up: not at all (consoles, QEMU's disks, other domains' back ends), by a
/// hotplug script, or by these tools.
enum class Setup { none, script, native };

/// What a disk served by domain 0 uses.
struct DiskSource {
    std::string path; ///< file or block device
    bool writable = false;
    bool force = false; ///< whoever else uses it
};

/// How an interface is joined to the host's network without a script.
struct VifPlan {
    enum class Way { bridge, route, nat } way = Way::bridge;
    std::string name;   ///< other than vifD.N, or empty
    std::string bridge; ///< of Way::bridge
    std::string
        gateway;    ///< interface of the host that traffic goes through; empty: the default route's (route), any (nat)
    std::string ip; ///< the guest's addresses, separated by blanks
    unsigned mtu = 0; ///< 0: as it is
};

/// One split device of one domain.
struct Device {
    std::string kind;      ///< "vbd", "vif", "console", "vfb", "vkbd"
    std::string back_kind; ///< of the back end where it is not the same: "qdisk" of a vbd
    DomId front, back;
    unsigned id = 0;
    std::string label; ///< for messages: "disk 'xvda'"
    std::string owner; ///< token of the work that attached it to a running domain (host::Maker): a later device of the
                       ///< same number has another. Empty: it came with the domain, or by other tools
    Nodes back_nodes;  ///< beside frontend, frontend-id, online, state
    Nodes front_nodes; ///< beside backend, backend-id, state
    Nodes front_fixed; ///< the same, which the guest reads and may not change
    Setup setup = Setup::none;
    std::string script; ///< of Setup::script
    std::vector<std::pair<std::string, std::string>> script_environment;
    std::optional<DiskSource> source;  ///< of a disk that domain 0 serves without a script
    std::optional<VifPlan> plan;       ///< of a vif of Setup::native
    std::optional<config::Vfb> screen; ///< of a vfb

    std::string front_path() const;
    std::string back_path() const;
    std::string libxl_path() const;
    std::string error_path() const; ///< where the kernel's back end says what is wrong with it
    bool by_device_model() const { return back_kind == "qdisk" || kind == "vfb" || kind == "vkbd"; }
};

/// A disk of a domain. Errors: the target does not exist, or needs a back end that is not there.
Result<Device> make_disk(Session&, DomId front, const config::Disk&);

/// A network interface; `devid` is its number and the MAC must be set. Errors: no such bridge.
Result<Device> make_vif(Session&, DomId front, const config::Vif&, unsigned devid);

/// A frame buffer and the keyboard and pointer that go with it. Errors: QEMU is not installed.
Result<std::vector<Device>> make_vfb(DomId front, const config::Vfb&, unsigned devid);

/// Puts the requests that write a device's nodes into the client's queue, within a transaction.
xen::Result<> post_nodes(store::Client&, const Device&, store::Transaction);

/// Checks for disks that nobody else uses theirs. attach() does so too, at the moment when it counts.
Result<void> check_sharing(Session&, const std::vector<Device>&);

/// Opens the disks, writes the nodes of all devices, starts QEMU where one needs it, waits for their back ends and sets
/// the host's side up: the devices of a domain that is being made, which nobody else gives any yet. After an error the
/// caller calls detach() for all of them.
Result<void> attach(Session&, const std::vector<Device>&);

/// Takes devices away by force, whatever their guest says and whatever fails on the way: scripts are run, all nodes
/// removed. The first failure is the result. For domains that end, and devices that the caller made; a device of a
/// running domain is taken by devices/running.hpp.
Result<void> detach(Session&, const std::vector<Device>&);

/// The devices that xenstore lists under /libxl/ID/device.
Result<std::vector<Device>> devices_of(Session&, DomId);

} // namespace domain
