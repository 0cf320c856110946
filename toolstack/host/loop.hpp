// SPDX-License-Identifier: Apache-2.0
// Loop devices: files as block devices.
#pragma once

#include "base/failure.hpp"
#include "xen/handle.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace host {

/// A loop device that lives as long as somebody has it open: `file` here, then the back end or a mount. Whoever is
/// killed in between, the kernel takes it away.
struct Loop {
    xen::FileDescriptor file;
    unsigned number = 0;
    dev_t device = 0;
    bool direct = false; ///< past the page cache; false where the file's file system cannot
};

/// Puts a file behind a free loop device with sectors of 512 bytes, with direct I/O where the file system and its
/// disk's sectors allow it. Errors: no loop driver, the file cannot be opened (read-only, missing).
toolstack::Result<Loop> open_loop(const std::string& path, bool writable);

/// A loop device in use and what is behind it.
struct LoopUse {
    unsigned number = 0;
    dev_t device = 0, file_device = 0;
    ino_t file_inode = 0;
};

/// All loop devices in use.
std::vector<LoopUse> loops_in_use();

} // namespace host
