// SPDX-License-Identifier: Apache-2.0
// I/O ports of domains: permission, and the devices that the hypervisor shares with dom0.
#pragma once

#include "base/result.hpp"
#include "x86/guest/x86_domain.hpp"

namespace px::guest {

/// Lets the domain use ports [first, first + count), or takes them away (ioport_permission). Errors: Invalid, NoMemory.
Result<> set_port_permission(X86Domain& domain, u32 first, u32 count, bool allow);
/// At the domain's end.
void free_port_permissions(X86Domain& domain);
[[nodiscard]] bool has_port_permission(const X86Domain& domain, u32 first, u32 count);

/// Reads for the domain: all ones from ports it may not use.
u32 read_port(X86Domain& domain, u16 port, unsigned bytes);
/// Writes for the domain: nothing happens at ports it may not use.
void write_port(X86Domain& domain, u16 port, unsigned bytes, u32 value);

/// Devices that the hypervisor drives too (port_shared.cpp). False: no such port.
bool read_shared_device(X86Domain& domain, u16 port, unsigned bytes, u32& value);
bool write_shared_device(X86Domain& domain, u16 port, unsigned bytes, u32 value);

} // namespace px::guest
