// SPDX-License-Identifier: Apache-2.0
// Memory of a PV guest under construction: its frames and windows into them.
#pragma once

#include "image/pv_layout.hpp"
#include "xen/control.hpp"
#include "xen/numbers.hpp"

#include <vector>

namespace image {

/// Clears memory of the guest with stores that leave our caches alone: it is the guest that will read it.
void clear(std::span<std::uint8_t> area);

/// A writable window onto consecutive guest frames; unmapped when it goes.
class Window {
  public:
    Window(xen::Mapping mapping, Frames frames) : mapping_(std::move(mapping)), frames_(frames) {}
    /// The bytes from a guest frame on, to the end of the window.
    std::span<std::uint8_t> from(std::uint64_t frame) {
        auto skip = (frame - frames_.first) << page_shift;
        return {mapping_.as<std::uint8_t>() + skip, (frames_.count << page_shift) - skip};
    }

  private:
    xen::Mapping mapping_;
    Frames frames_;
};

/// Populated memory: the machine frame of every guest frame.
class PvMemory {
  public:
    /// Populates `pages` frames, in extents of 2 MiB where the host has them.
    static toolstack::Result<PvMemory> populate(const xen::Control& control, xen::DomId domain, std::uint64_t pages);

    const std::vector<std::uint64_t>& frames() const { return frames_; }
    xen::Frame machine(std::uint64_t frame) const { return {frames_[frame]}; }
    toolstack::Result<Window> window(Frames frames) const;

  private:
    PvMemory(const xen::Control& control, xen::DomId domain) : control_(&control), domain_(domain) {}
    const xen::Control* control_;
    xen::DomId domain_;
    std::vector<std::uint64_t> frames_;
};

} // namespace image
