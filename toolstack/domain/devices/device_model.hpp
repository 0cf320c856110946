// SPDX-License-Identifier: Apache-2.0
// QEMU as a back end: it serves disks whose format the kernel does not know (qcow2, ...), frame buffers and their
// keyboards. One process for each guest that needs it, run as libxl runs it, so that stock tools end ours and we end
// theirs.
#pragma once

#include "domain/device.hpp"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace domain {

/// Whether QEMU is installed. Errors: it is not.
Result<void> check_device_model();

/// Where a guest's QEMU takes commands of its machine protocol (host/qmp.hpp); libxl's place.
std::string qmp_path(DomId guest);

/// Starts the guest's QEMU if one of the devices needs it and it does not run yet; returns when it serves.
Result<void> ensure_device_model(Session&, const std::vector<Device>&);

/// Whether a guest's QEMU is alive.
bool device_model_runs(Session&, DomId guest);

/// What a guest's QEMU says from now on: QEMU does not tell xenstore of a disk that it cannot open, only its log.
class DeviceModelLog {
  public:
    DeviceModelLog(Session&, DomId guest);
    /// What it has said until now, as far as it can be read at once.
    static DeviceModelLog whole(Session&, DomId guest);
    /// Why it cannot serve a device; empty when it has no complaint of it.
    std::string about(const Device&) const;
    const std::string& path() const { return path_; }

  private:
    explicit DeviceModelLog(std::string path) : path_(std::move(path)) {}
    std::string path_;
    off_t from_ = 0; ///< where a running QEMU's log ended; the log of a new one starts anew
};

/// The complaint of device `id` (its number in xenstore) in a log of QEMU's, without what QEMU was doing then.
std::string qemu_words(std::string_view log, unsigned id);

/// Ends the QEMU of guests whose devices these were, when none of their devices is left that needs it.
void release_device_model(Session&, const std::vector<Device>& gone);

} // namespace domain
