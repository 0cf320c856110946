// SPDX-License-Identifier: Apache-2.0
// Kernel images as files come: bzImage around a compressed ELF file, or compressed, or plain.
#pragma once

#include "base/number.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <span>

namespace px::pv::dom0 {

/// The compressed (or plain) kernel inside a bzImage; the image itself if it is none (Linux x86 boot protocol 2.08).
/// Errors: NoExec when the header lies about the payload.
Result<std::span<const u8>> find_payload(std::span<const u8> image);

enum class Packing : u8 { None, Gzip, Xz, Unknown };
Packing packing_of(std::span<const u8> payload);
/// Size after unpacking, which the kernel's build appends to the payload (32 bits).
std::size_t unpacked_bytes(std::span<const u8> payload);

/// Unpacks into `out`, with the libraries liblzma and zlib. Returns the bytes written. Errors: NoExec. Boot only: the
/// libraries use the FPU's registers.
Result<std::size_t> unpack(std::span<const u8> payload, Packing packing, std::span<u8> out);

} // namespace px::pv::dom0
