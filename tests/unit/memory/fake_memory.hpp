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
/// Calls of tlb::flush_older: of all CPUs; of those of one domain, and which it was; and of cache::flush.
extern std::atomic<u64> flushes, flushes_of_one, cache_flushes;
extern std::atomic<const Domain*> flushed_domain;
/// Called once, after the next stamp was taken: what another CPU does just then.
extern std::atomic<void (*)()> after_stamp;
/// Frames for which Domain::frames_left was called.
extern std::atomic<u64> frames_left;
/// A CPU writes to the frame past the caches, by an entry that is there, and goes on with it until a flush of TLBs, as
/// long as nobody stops it. Memory and what caches hold of it differ from here on, until cache::flush comes later.
void write_past_caches(const Frame& frame);
[[nodiscard]] bool differs_from_memory(const Frame& frame);
/// A frame outside the heap that belongs to a domain, as assign_frames leaves it.
Frame& owned_frame(u64 mfn, u16 owner);

} // namespace px::fake
