// SPDX-License-Identifier: Apache-2.0
// I/O ports of domains.
#include "x86/guest/port.hpp"

#include "memory/heap.hpp"
#include "x86/instructions.hpp"

#include <cstring>

namespace px::guest {

namespace {

constexpr u32 port_count = 0x10000;
constexpr unsigned bitmap_order = 1; // 8 KiB

u32 raw_read(u16 port, unsigned bytes) {
    switch (bytes) {
    case 1: return x86::in8(port);
    case 2: return x86::in16(port);
    default: return x86::in32(port);
    }
}

/// The CMOS clock is shared byte by byte (port_shared.cpp): wider accesses that touch it are taken apart.
bool is_of_cmos(u32 port, unsigned bytes) { return port <= 0x71 && port + bytes > 0x70; }
void raw_write(u16 port, unsigned bytes, u32 value) {
    switch (bytes) {
    case 1: x86::out8(port, static_cast<u8>(value)); break;
    case 2: x86::out16(port, static_cast<u16>(value)); break;
    default: x86::out32(port, value); break;
    }
}

} // namespace

Result<> set_port_permission(X86Domain& domain, u32 first, u32 count, bool allow) {
    if (first > port_count || count > port_count - first) return fail(Error::Invalid);
    if (!domain.io_bitmap) {
        if (!allow) return {};
        Frame* const frame = heap::allocate({.order = bitmap_order, .zeroed = false});
        if (!frame) return fail(Error::NoMemory);
        u8* const map = to_virtual<u8>(*frame);
        std::memset(map, 0xff, port_count / 8);
        domain.io_bitmap = map;
    }
    for (u32 port = first; port < first + count; ++port) {
        const u8 bit = static_cast<u8>(1u << port % 8);
        u8& byte = domain.io_bitmap[port / 8];
        byte = allow ? static_cast<u8>(byte & ~bit) : static_cast<u8>(byte | bit);
    }
    return {};
}

void free_port_permissions(X86Domain& domain) {
    if (domain.io_bitmap) heap::free(frame_of_virtual(domain.io_bitmap), bitmap_order, false);
    domain.io_bitmap = nullptr;
}

bool has_port_permission(const X86Domain& domain, u32 first, u32 count) {
    if (!domain.io_bitmap || first + count > port_count) return false;
    for (u32 port = first; port < first + count; ++port)
        if (domain.io_bitmap[port / 8] >> port % 8 & 1) return false;
    return true;
}

u32 read_port(X86Domain& domain, u16 port, unsigned bytes) {
    u32 value = 0;
    if (bytes != 1 && is_of_cmos(port, bytes)) {
        for (unsigned i = 0; i < bytes; ++i) value |= read_port(domain, static_cast<u16>(port + i), 1) << 8 * i;
        return value;
    }
    if (read_shared_device(domain, port, bytes, value)) return value;
    if (!has_port_permission(domain, port, bytes)) return bytes == 4 ? ~0u : (1u << bytes * 8) - 1;
    return raw_read(port, bytes);
}

void write_port(X86Domain& domain, u16 port, unsigned bytes, u32 value) {
    if (bytes != 1 && is_of_cmos(port, bytes)) {
        for (unsigned i = 0; i < bytes; ++i) write_port(domain, static_cast<u16>(port + i), 1, value >> 8 * i & 0xff);
        return;
    }
    if (write_shared_device(domain, port, bytes, value)) return;
    if (has_port_permission(domain, port, bytes)) raw_write(port, bytes, value);
}

} // namespace px::guest
