// SPDX-License-Identifier: Apache-2.0
// The ELF file that a guest's memory is dumped into: headers, notes and where each part lies
// (docs/misc/dump-core-format.txt).
#pragma once

#include "abi/version.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace core {

/// What the file says about guest and hypervisor beside their memory.
struct CoreFacts {
    bool translated = false;            ///< guest frames are its own numbers (HVM, PVH): .xen_pfn instead of .xen_p2m
    bool shared_info = false;           ///< there is a .xen_shared_info
    std::uint64_t vcpus = 0, pages = 0; ///< of .xen_prstatus and .xen_pages
    std::uint64_t major = 0, minor = 0;
    std::string extra, capabilities, changeset;
    abi::CompileInfo compiled{};
    std::uint64_t virtual_start = 0;
};

/// Offsets and sizes in bytes. Pages lie in front of the list of their numbers, so that both may be counted while they
/// are written.
struct CoreLayout {
    std::uint64_t states_at = 0, shared_info_at = 0, pages_at = 0, numbers_at = 0, names_at = 0, end = 0;
};
CoreLayout layout_core(const CoreFacts& facts);

/// The bytes in front of the vCPUs' states: ELF header, section headers, notes.
std::vector<std::uint8_t> core_head(const CoreFacts& facts);
/// The section names, the last bytes of the file.
std::string core_names(bool translated);

} // namespace core
