// SPDX-License-Identifier: Apache-2.0
// A paravirtual kernel's ELF file: its segments and the Xen notes by which it describes itself. Pure.
#pragma once

#include "base/number.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <span>

namespace px::guest::load {

/// A part of the file that is loaded.
struct Segment {
    u64 file_offset, file_bytes;
    u64 address; ///< byte offset from virt_base (the kernel's pseudo-physical address)
    u64 memory_bytes;
};

/// What the builder needs to know of a kernel.
struct Kernel {
    static constexpr std::size_t max_segments = 16;
    Segment segments[max_segments];
    std::size_t segment_count = 0;
    u64 start = 0, end = 0; ///< of all segments, as Segment::address

    GuestVaddr entry;
    GuestVaddr virt_base; ///< of pseudo-physical 0
    u64 paddr_offset = 0;
    bool has_virt_base = false, has_paddr_offset = false;
    GuestVaddr init_p2m;                ///< for the p2m list; 0: behind the kernel
    GuestVaddr hypercall_page;          ///< 0: none
    bool takes_module_by_frame = false; ///< MOD_START_PFN
    bool is_xen_kernel = false;
};

/// Reads header, program headers and notes; checks that all lies in the file and that nothing wraps. Errors: NoExec.
Result<Kernel> parse_kernel(std::span<const u8> file);

} // namespace px::guest::load
