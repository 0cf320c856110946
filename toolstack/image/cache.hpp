// SPDX-License-Identifier: Apache-2.0
// Unpacked kernels kept on disk, so that the second guest of a kernel does not unpack it again.
#pragma once

#include "image/bytes.hpp"

#include <string>

namespace image {

/// Name of the cached image of a file: device, inode, size and change time, so that a replaced file never matches.
/// Empty when the file cannot be examined.
std::string cache_name(const std::string& folder, const std::string& path);

/// Writes the image under that name, atomically; keeps the newest few. Silent when it cannot.
void cache_store(const std::string& name, View bytes);

} // namespace image
