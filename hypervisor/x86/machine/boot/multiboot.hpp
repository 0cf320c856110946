// SPDX-License-Identifier: Apache-2.0
// Readers of what boot loaders leave in memory: pure functions, tested on the host.
#pragma once

#include "boot/boot_info.hpp"

#include <expected>

namespace px::x86::boot {

/// Reads physical memory below 4 GiB.
class PhysicalMemory {
  public:
    /// @param base where physical address 0 is seen
    explicit PhysicalMemory(const char* base, u64 limit = u64{1} << 32) : base_(base), limit_(limit) {}
    /// Bytes at a physical address; empty when they are not all readable.
    [[nodiscard]] std::span<const char> bytes(u64 address, u64 count) const {
        if (count > limit_ || address > limit_ - count) return {};
        return {base_ + address, count};
    }
    template <class T> [[nodiscard]] T read(u64 address) const {
        T value{};
        const auto from = bytes(address, sizeof(T));
        if (!from.empty()) __builtin_memcpy(&value, from.data(), sizeof(T));
        return value;
    }
    /// A string that ends with NUL or after `longest` characters. Address 0: empty.
    [[nodiscard]] std::string_view text(u64 address, std::size_t longest = 4096) const;

  private:
    const char* base_;
    u64 limit_;
};

/// Keeps copies of strings that lie in memory that is going to be reused.
class StringPool {
  public:
    /// A NUL-terminated copy, cut when the pool is full.
    const char* keep(std::string_view text);

  private:
    char store_[8192] = {};
    std::size_t used_ = 0;
};

/// Drops the first word, the image's path, when the line begins with one: boot loaders that give the path as a word of
/// its own put a '/' or '(' in it, GRUB 2 leaves it out.
std::string_view without_image_path(std::string_view line, bool always);

inline constexpr u32 multiboot1_magic = 0x2badb002;
inline constexpr u32 multiboot2_magic = 0x36d76289;
inline constexpr u32 pvh_magic = 0x336ec578;

/// Fill out from the structure at `address`; false if it makes no sense.
bool read_multiboot1(const PhysicalMemory& memory, u64 address, StringPool& pool, BootInfo& out);
bool read_multiboot2(const PhysicalMemory& memory, u64 address, StringPool& pool, BootInfo& out);
bool read_pvh(const PhysicalMemory& memory, u64 address, StringPool& pool, BootInfo& out);

/// Reads the firmware's table of memory attributes (UEFI 2.10, section 4.6.4) into map.right; nothing where there is
/// none, or where it does not fit. It lies in memory that is going to be reused.
void read_efi_rights(const PhysicalMemory& memory, u64 system_table, EfiMap& map);

/// Sorts the ranges, cuts overlaps (the less usable kind wins) and joins neighbours of one kind.
void normalise(BootInfo& info);

/// Adds a range; false when the table is full.
bool add_range(BootInfo& out, u64 start, u64 bytes, MemoryRange::Kind kind);

} // namespace px::x86::boot
