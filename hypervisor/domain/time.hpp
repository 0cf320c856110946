// SPDX-License-Identifier: Apache-2.0
// The clocks a guest sees: system time per vCPU, wall clock per domain, run state areas.
#pragma once

#include "domain/domain.hpp"

namespace px {

/// Writes the vCPU's vcpu_time_info (in its vcpu_info): when the vCPU is made and when its vcpu_info moves. It is
/// current, or does not run.
void write_time_info(Vcpu& vcpu);
/// The same where it may be out of date, for the current vCPU: when it comes to a CPU.
void refresh_time_info(Vcpu& vcpu);
/// The same for whoever is on this CPU, which may have been interrupted: when the scale has changed.
void refresh_time_info_here();
/// Writes a domain's wall clock into its shared page: after creation, settimeoffset and settime.
void write_wall_clock(Domain& domain);
/// The same for all domains: platform_op settime calls it after machine::set_wall_clock_base().
void write_all_wall_clocks();

/// Both for all of a domain.
void write_clocks(Domain& domain);

/// Registers the guest's areas of the current or another vCPU of the current domain; written at once when it is
/// current.
void register_runstate_area(Vcpu& vcpu, GuestVaddr area);
void register_time_area(Vcpu& vcpu, GuestVaddr area);
/// Writes the registered areas of the current vCPU. If its memory cannot be reached now (a paravirtual guest in user
/// mode), sets vcpu.areas_are_stale: the guest kind calls it again when the vCPU enters its kernel.
void update_guest_areas(Vcpu& vcpu);

} // namespace px
