// SPDX-License-Identifier: Apache-2.0
// I/O ports of paravirtual domains: permission, and the devices that the hypervisor shares with dom0.
#pragma once

#include "base/result.hpp"
#include "x86/pv/pv_domain.hpp"

namespace px::pv {

/// Lets the domain use ports [first, first + count), or takes them away (ioport_permission). Errors: Invalid, NoMemory.
Result<> set_port_permission(PvDomain& domain, u32 first, u32 count, bool allow);
[[nodiscard]] bool has_port_permission(const PvDomain& domain, u32 first, u32 count);

/// Reads for the domain: all ones from ports it may not use.
u32 read_port(PvDomain& domain, u16 port, unsigned bytes);
/// Writes for the domain: nothing happens at ports it may not use.
void write_port(PvDomain& domain, u16 port, unsigned bytes, u32 value);

/// Devices that the hypervisor drives too (port_shared.cpp). False: no such port.
bool read_shared_device(PvDomain& domain, u16 port, unsigned bytes, u32& value);
bool write_shared_device(PvDomain& domain, u16 port, unsigned bytes, u32 value);

} // namespace px::pv
