// SPDX-License-Identifier: Apache-2.0
// 16550 UART (National Semiconductor PC16550D data sheet).
#include "x86/machine/console/serial.hpp"

#include "boot/options.hpp"
#include "x86/instructions.hpp"

namespace px::x86 {
namespace {

enum Register : u16 {
    Data = 0,
    InterruptEnable = 1,
    Fifo = 2,
    LineControl = 3,
    ModemControl = 4,
    LineStatus = 5,
    Scratch = 7
};
constexpr u8 divisor_access = 0x80;
constexpr u8 data_ready = 1, transmitter_empty = 0x20;
constexpr u8 fifo_bytes = 16;
/// Polls before a transmitter that never gets empty is given up (a missing or stuck port must not hang the host).
constexpr u32 patience = 1u << 20;

/// Takes the part before the next ','.
std::string_view next_part(std::string_view& rest) {
    const auto comma = rest.find(',');
    const auto part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    return part;
}

} // namespace

bool SerialPort::configure(std::string_view rest) {
    const std::string_view rate = next_part(rest);
    if (!rate.empty()) {
        const auto slash = rate.find('/');
        if (rate.substr(0, slash) == "auto") {
            baud_ = 0;
        } else {
            const auto n = options::number(rate.substr(0, slash));
            if (!n || *n == 0 || *n > 4000000) return false;
            baud_ = static_cast<u32>(*n);
        }
        if (slash != std::string_view::npos) {
            const auto n = options::number(rate.substr(slash + 1));
            if (!n || *n == 0 || *n > 0xffffffff / 16) return false;
            clock_ = static_cast<u32>(*n * 16);
        }
    }
    if (baud_ > clock_ / 16) return false; // the clock divided by less than one
    const std::string_view format = next_part(rest);
    if (!format.empty()) {
        if (format.size() != 3 || format[0] < '5' || format[0] > '8' || (format[2] != '1' && format[2] != '2'))
            return false;
        u8 parity;
        switch (format[1]) {
        case 'n': parity = 0; break;
        case 'o': parity = 1; break;
        case 'e': parity = 3; break;
        case 'm': parity = 5; break;
        case 's': parity = 7; break;
        default: return false;
        }
        line_control_ = static_cast<u8>((format[0] - '5') | (format[2] == '2' ? 4 : 0) | parity << 3);
    }
    const std::string_view base = next_part(rest);
    if (!base.empty()) {
        const auto n = options::number(base);
        if (!n || *n > 0xfff8) return false; // memory-mapped and PCI ports: not yet
        base_ = static_cast<u16>(*n);
    }
    const std::string_view irq = next_part(rest);
    if (!irq.empty()) {
        const auto n = options::number(irq);
        if (!n || *n > 15) return false;
        irq_ = static_cast<unsigned>(*n);
    }
    return true;
}

bool SerialPort::init() {
    out8(base_ + Scratch, 0x5a);
    if (in8(base_ + Scratch) != 0x5a) return false;
    out8(base_ + InterruptEnable, 0);
    if (baud_) {
        const u32 divisor = clock_ / (baud_ * 16);
        out8(base_ + LineControl, static_cast<u8>(line_control_ | divisor_access));
        out8(base_ + Data, static_cast<u8>(divisor));
        out8(base_ + InterruptEnable, static_cast<u8>(divisor >> 8));
    }
    out8(base_ + LineControl, line_control_);
    out8(base_ + Fifo, 7);         // on, both cleared, interrupt at 1 byte
    out8(base_ + ModemControl, 3); // DTR, RTS
    is_ready_ = true;
    return true;
}

void SerialPort::write(char c) {
    if (!is_ready_) return;
    if (buffer_.empty()) return send(c);
    const u32 mask = static_cast<u32>(buffer_.size()) - 1;
    if (end_ - first_ >= buffer_.size()) send(buffer_[first_++ & mask]);
    buffer_[end_++ & mask] = c;
}

bool SerialPort::pump() {
    while (is_queued()) {
        if (room_ == 0 && !(in8(base_ + LineStatus) & transmitter_empty)) return true;
        send(buffer_[first_++ & (buffer_.size() - 1)]);
    }
    return false;
}

void SerialPort::flush() {
    while (is_queued()) send(buffer_[first_++ & (buffer_.size() - 1)]);
}

void SerialPort::send(char c) {
    if (room_ == 0) {
        u32 tries = patience;
        while (!(in8(base_ + LineStatus) & transmitter_empty))
            if (--tries == 0) return;
        room_ = fifo_bytes;
    }
    --room_;
    out8(base_ + Data, static_cast<u8>(c));
}

int SerialPort::read() {
    if (!is_ready_) return -1;
    const u8 status = in8(base_ + LineStatus);
    if (status == 0xff || !(status & data_ready)) return -1;
    return in8(base_ + Data);
}

} // namespace px::x86
