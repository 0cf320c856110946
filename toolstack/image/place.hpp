// SPDX-License-Identifier: Apache-2.0
// What the builders of all kinds of guest do alike: put images into its memory, let the daemons at its rings.
#pragma once

#include "image/kernel.hpp"
#include "image/pv_memory.hpp"
#include "xen/control.hpp"

#include <functional>

namespace image {

/// A hypercall's result as a failure that a user reads.
template <class T> toolstack::Result<T> low(xen::Result<T> result) {
    if (!result) return toolstack::fail(result.error().message());
    if constexpr (std::is_void_v<T>) return {};
    else return std::move(*result);
}

/// Copies the kernel's segments into `area` of the window and clears what they leave. `offset_of` says where in the
/// guest's memory a segment belongs (bytes from frame 0).
toolstack::Result<void> place_kernel(Window& window, const Kernel& kernel, Frames area,
                                     const std::function<toolstack::Result<std::uint64_t>(const Segment&)>& offset_of);

/// Copies a file to the front of `area` and clears the rest.
toolstack::Result<void> place_file(Window& window, Frames area, const File& file);

/// A ring page of the guest and the domain that serves it.
struct Ring {
    xen::DomId server;
    xen::Frame frame; ///< machine frame of a PV guest, guest frame of others
};

/// Lets the daemons map the two rings by the grants that they expect there.
toolstack::Result<void> seed_grants(const xen::Control& control, xen::DomId domain, Ring console, Ring store);

} // namespace image
