// SPDX-License-Identifier: Apache-2.0
// Machine memory for host tests of the shipped heap and frame code: 256 MiB, untouched until used.
#pragma once

#include "domain/domain.hpp"
#include "memory/frame.hpp"

namespace px::fake {

/// Frames of the fake machine.
inline constexpr u64 machine_frames = 65536;
/// A fresh frame table: every frame is nobody's and not in the heap. The heap itself keeps what it was given.
void reset_frame_table();
/// Calls of tlb::flush_older: of all CPUs; of those of one domain, and which it was.
extern std::atomic<u64> flushes, flushes_of_one;
extern std::atomic<const Domain*> flushed_domain;
/// Frames for which Domain::frames_left was called.
extern std::atomic<u64> frames_left;
/// A frame outside the heap that belongs to a domain, as assign_frames leaves it.
Frame& owned_frame(u64 mfn, u16 owner);

} // namespace px::fake
