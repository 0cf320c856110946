// SPDX-License-Identifier: Apache-2.0
// Scheduler operations of a guest (public/sched.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// First argument of hypercall sched_op.
enum class SchedOp : uint32_t {
    Yield = 0,
    Block = 1,
    Shutdown = 2,
    Poll = 3,
    RemoteShutdown = 4,
    ShutdownCode = 5,
    Watchdog = 6,
    PinOverride = 7,
};

/// Why a domain stopped; the value goes into getdomaininfo flags, bits 16 to 23.
enum class ShutdownReason : uint32_t {
    Poweroff = 0,
    Reboot = 1,
    Suspend = 2,
    Crash = 3,
    Watchdog = 4,
    SoftReset = 5,
};
inline constexpr uint32_t shutdown_max = 5;

/// Stops the calling domain; reason is a ShutdownReason.
struct SchedShutdown {
    uint32_t reason;
};
static_assert(sizeof(SchedShutdown) == 4);

/// Blocks until one of the ports is pending or the timeout passes.
struct SchedPoll {
    GuestHandle<evtchn_port_t> ports;
    uint32_t nr_ports;
    uint64_t timeout; ///< absolute system time in ns; 0 = none
};
static_assert(sizeof(SchedPoll) == 24);
static_assert(offsetof(SchedPoll, timeout) == 16);

/// Stops another domain.
struct SchedRemoteShutdown {
    domid_t domain_id;
    uint32_t reason;
};
static_assert(sizeof(SchedRemoteShutdown) == 8);
static_assert(offsetof(SchedRemoteShutdown, reason) == 4);

/// Domain watchdog.
struct SchedWatchdog {
    uint32_t id;      ///< 0 = allocate
    uint32_t timeout; ///< seconds; 0 = stop
};
static_assert(sizeof(SchedWatchdog) == 8);
static_assert(offsetof(SchedWatchdog, timeout) == 4);

/// Ties the calling vCPU to a CPU for a while.
struct SchedPinOverride {
    int32_t pcpu; ///< negative = undo
};
static_assert(sizeof(SchedPinOverride) == 4);

} // namespace abi
