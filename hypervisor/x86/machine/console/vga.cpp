// SPDX-License-Identifier: Apache-2.0
// VGA text mode: cells of character and attribute at 0xb8000.
#include "x86/machine/console/vga.hpp"

#include "memory/frame.hpp"
#include "x86/instructions.hpp"

namespace px::x86::vga {
namespace {

constexpr unsigned columns = 80, rows = 25;
constexpr u16 blank = 0x0720;
constinit unsigned column = 0, row = 0;

volatile u16* cells() { return to_virtual<volatile u16>(Paddr(0xb8000)); }

void scroll() {
    volatile u16* c = cells();
    for (unsigned i = 0; i < columns * (rows - 1); ++i) c[i] = c[i + columns];
    for (unsigned i = columns * (rows - 1); i < columns * rows; ++i) c[i] = blank;
}

void move_cursor() {
    const unsigned at = row * columns + column;
    out8(0x3d4, 14);
    out8(0x3d5, static_cast<u8>(at >> 8));
    out8(0x3d4, 15);
    out8(0x3d5, static_cast<u8>(at));
}

} // namespace

void init() {
    volatile u16* c = cells();
    for (unsigned i = 0; i < columns * rows; ++i) c[i] = blank;
    column = row = 0;
}

void write(char c) {
    if (c == '\n') {
        column = 0;
        if (++row == rows) {
            scroll();
            row = rows - 1;
        }
        move_cursor();
    } else if (c == '\r') {
        column = 0;
    } else if (c == '\t') {
        column = (column + 8) & ~7u;
    } else if (c == '\b') {
        if (column) --column;
    } else {
        if (column >= columns) write('\n');
        cells()[row * columns + column++] = static_cast<u16>(0x0700 | static_cast<u8>(c));
    }
}

} // namespace px::x86::vga
