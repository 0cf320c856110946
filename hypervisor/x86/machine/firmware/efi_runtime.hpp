// SPDX-License-Identifier: Apache-2.0
// EFI's runtime services: the firmware's own regions at their own addresses, in page tables that nothing else uses.
#pragma once

#include "base/result.hpp"
#include "x86/machine/firmware/efi_layout.hpp"
#include "x86/registers.hpp"

#include <array>
#include <span>

namespace px {
struct EfiMap;
struct EfiRegion;
} // namespace px

namespace px::x86::efi {

/// EFI_STATUS: 0 is success, the top bit says error.
using Status = u64;
inline constexpr Status status_error = u64{1} << 63;
inline constexpr Status status_device_error = status_error | 7;
constexpr bool is_error(Status s) { return (s & status_error) != 0; }

using Arguments = std::array<u64, 5>;

/// True until a service has faulted.
[[nodiscard]] bool has_runtime_services();
/// Revision of their table, major << 16 | minor; 0 without them.
[[nodiscard]] u32 runtime_revision();
/// Descriptor of the firmware's map that holds a physical address, or null.
[[nodiscard]] const EfiRegion* region_of(u64 address);

/// Calls a service; the floating-point state of the vCPU that runs here is kept. Pointers among the arguments are
/// hypervisor addresses. A fault in the firmware is logged, ends the use of all services, and returns
/// status_device_error. No lock of rank Firmware or above held. Errors: NoSys (no such service), Restart (another CPU
/// is in the firmware and soft interrupts are pending here: make the hypercall again).
[[nodiscard]] Result<Status> call(Service service, const Arguments& arguments);

/// ResetSystem, from any state of the host. Returns if there is no such service or it failed.
enum class Reset : u64 { Cold = 0, Warm = 1, Shutdown = 2 };
void reset_system(Reset kind);

/// An exception in ring 0: true if it was the firmware's; `registers` then lead out of it.
[[nodiscard]] bool handle_fault(Registers& registers);

/// Rights of a page of a runtime region: what its type needs, less what the table of attributes takes away. Pure.
struct Rights {
    bool writable, executable;
    friend bool operator==(const Rights&, const Rights&) = default;
};
[[nodiscard]] Rights rights_of(const EfiRegion& region, u64 address, std::span<const EfiRegion> rights);
/// Bytes from `address` on that have the same rights, to the end of the region at most. Pure.
[[nodiscard]] u64 same_rights(const EfiRegion& region, u64 address, std::span<const EfiRegion> rights);

} // namespace px::x86::efi
