// SPDX-License-Identifier: Apache-2.0
// Finding the kernel in a bzImage.
#include "x86/pv/dom0/decompress.hpp"

#include <cstring>

namespace px::pv::dom0 {

namespace {

template <class T> T value_at(std::span<const u8> bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

} // namespace

Result<std::span<const u8>> find_payload(std::span<const u8> image) {
    constexpr std::size_t header_end = 0x250;
    if (image.size() < header_end || std::memcmp(image.data() + 0x202, "HdrS", 4) != 0) return image;
    if (value_at<u16>(image, 0x206) < 0x208) return fail(Error::NoExec);
    u64 sectors = image[0x1f1];
    if (sectors == 0) sectors = 4;
    const u64 start = (sectors + 1) * 512 + value_at<u32>(image, 0x248);
    const u64 bytes = value_at<u32>(image, 0x24c);
    if (start > image.size() || bytes > image.size() - start) return fail(Error::NoExec);
    return image.subspan(start, bytes);
}

Packing packing_of(std::span<const u8> payload) {
    const auto starts_with = [&](const char* magic, std::size_t n) {
        return payload.size() > n + 4 && std::memcmp(payload.data(), magic, n) == 0;
    };
    if (starts_with("\x7f"
                    "ELF",
                    4))
        return Packing::None;
    if (starts_with("\x1f\x8b", 2)) return Packing::Gzip;
    if (starts_with("\xfd"
                    "7zXZ\0",
                    6))
        return Packing::Xz;
    return Packing::Unknown;
}

std::size_t unpacked_bytes(std::span<const u8> payload) { return value_at<u32>(payload, payload.size() - 4); }

} // namespace px::pv::dom0
