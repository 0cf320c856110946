// SPDX-License-Identifier: Apache-2.0
// What a path to a disk or image stands for, and whether this host uses it already.
#pragma once

#include "base/failure.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace host {

/// Identity of storage: two paths to the same bytes give overlapping values. A loop device is what is behind it.
struct Storage {
    bool block = false; ///< a block device; else a file
    dev_t device = 0;   ///< of the block device, or of the file system that holds the file
    dev_t whole = 0;    ///< of the whole disk when `device` is a partition, else `device`
    ino_t inode = 0;    ///< of a file
    bool operator==(const Storage&) const = default;
};

/// Follows links, and loop devices to their files. Errors: no such path, or neither file nor block device.
toolstack::Result<Storage> identify(const std::string& path);

/// The same for a block device known by number only.
Storage identify(dev_t block_device);

/// Whether a write to one can change what the other one reads: equal, or a partition and its whole disk.
bool overlap(const Storage&, const Storage&);

/// Who on this host uses it in a way that forbids to use it: as a writer forbids any use, as a reader a use that
/// writes. A text such as "mounted on /srv", or nothing.
std::optional<std::string> used_here(const Storage&, bool writable);

/// The mount point of each writable or read-only mounted block device in a text with the form of /proc/self/mountinfo.
struct Mount {
    dev_t device = 0;
    std::string point;
    bool writable = false;
    bool operator==(const Mount&) const = default;
};
std::vector<Mount> parse_mounts(std::string_view mountinfo);

} // namespace host
