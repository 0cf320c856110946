// SPDX-License-Identifier: Apache-2.0
// Puts a PV guest into its memory: populate, copy, page tables, start page, first vCPU.
#pragma once

#include "image/kernel.hpp"
#include "image/pv_memory.hpp"
#include "xen/control.hpp"
#include "xen/memory.hpp"
#include "xen/numbers.hpp"

#include <deque>
#include <string>
#include <vector>

namespace image {

/// What the builder must be told beside the images.
struct PvRequest {
    xen::DomId domain;
    std::uint64_t pages = 0;
    unsigned max_vcpus = 1;
    std::string command_line;
    xen::Port store_port, console_port; ///< in the guest
    xen::DomId store_domain, console_domain;
};

/// What others need to know about the guest that was built.
struct PvBuilt {
    xen::Frame store_ring, console_ring; ///< machine frames
    /// Still open; closing one costs a PV dom0 a trap for each page, the end of the process next to nothing. While they
    /// are open the guest cannot run, since it could make no page tables of this memory, and a destroyed one cannot go.
    std::deque<Window> windows;
};

/// Builds the guest; `ramdisk` may be null. The domain exists, has its limits set and no memory yet; after an error it
/// must be destroyed.
toolstack::Result<PvBuilt> build_pv(const xen::Control& control, const Kernel& kernel, const File* ramdisk,
                                    const PvRequest& request);

} // namespace image
