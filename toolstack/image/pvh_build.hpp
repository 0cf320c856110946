// SPDX-License-Identifier: Apache-2.0
// Puts a PVH guest into its memory: populate, copy, start info, ACPI tables, parameters, first vCPU.
#pragma once

#include "image/kernel.hpp"
#include "image/pv_memory.hpp"
#include "image/pvh_layout.hpp"
#include "xen/control.hpp"
#include "xen/numbers.hpp"

#include <deque>
#include <string>

namespace image {

/// What the builder must be told beside the images.
struct PvhRequest {
    xen::DomId domain;
    std::uint64_t pages = 0;
    unsigned vcpus = 1, max_vcpus = 1; ///< online at the start, and in all
    std::string command_line;
    xen::Port store_port, console_port; ///< in the guest
    xen::DomId store_domain, console_domain;
    bool acpi = true;        ///< false: no tables, and so one vCPU only
    bool stable_tsc = false; ///< its time stamp counter will have the same rate for ever
};

/// What others need to know about the guest that was built.
struct PvhBuilt {
    xen::Frame store_ring{xenstore_frame}, console_ring{console_frame}; ///< guest frames
    std::deque<Window>
        windows; ///< still open, as PvBuilt's: closing them costs a PV dom0 more than the end of the process
};

/// Pages beside the guest's memory that the builder takes for it.
std::uint64_t extra_pages(const PvhRequest& request);

/// Whether the guest can be laid out; needs no domain.
toolstack::Result<PvhLayout> plan_pvh(const Kernel& kernel, const File* ramdisk, const PvhRequest& request);

/// Builds the guest; `ramdisk` may be null. The domain exists, has its limits and its paging memory and no memory yet;
/// after an error it must be destroyed.
toolstack::Result<PvhBuilt> build_pvh(const xen::Control& control, const Kernel& kernel, const File* ramdisk,
                                      const PvhRequest& request);

} // namespace image
