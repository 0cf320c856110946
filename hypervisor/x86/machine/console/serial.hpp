// SPDX-License-Identifier: Apache-2.0
// Serial ports of the 16550 kind, polled. Output waits in a buffer for the transmitter, once there is one.
#pragma once

#include "base/number.hpp"

#include <span>
#include <string_view>

namespace px::x86 {

/// One 16550. Callers serialise (console lock).
class SerialPort {
  public:
    constexpr SerialPort(u16 base, unsigned irq) : base_(base), irq_(irq) {}
    /// Takes BAUD|auto[/CLOCK][,DPS[,BASE[,IRQ]]] (xen-command-line: com1). False if it makes no sense.
    bool configure(std::string_view specification);
    /// Programs it; false if there is none.
    bool init();
    /// Sends a character, or, with a buffer, queues it: waits only while the buffer is full, so nothing is lost.
    void write(char c);
    /// From now on output is buffered. A power of two of bytes.
    void use_buffer(std::span<char> buffer) { buffer_ = buffer; }
    /// Hands the transmitter what it takes without waiting. True if some is left.
    bool pump();
    /// Sends all that is queued, and waits for it.
    void flush();
    /// A character that came in, or -1.
    int read();
    [[nodiscard]] bool is_ready() const { return is_ready_; }
    [[nodiscard]] unsigned irq() const { return irq_; }
    [[nodiscard]] u16 base() const { return base_; }

  private:
    void send(char c);
    /// False also for positions that make no sense: a panic uses the port without its lock.
    [[nodiscard]] bool is_queued() const { return end_ - first_ - 1 < buffer_.size(); }
    u16 base_;
    unsigned irq_;
    u32 baud_ = 115200; ///< 0: leave the rate as the firmware set it
    u32 clock_ = 1843200;
    u8 line_control_ = 3; ///< 8 data bits, no parity, 1 stop bit
    bool is_ready_ = false;
    std::span<char> buffer_;
    u32 first_ = 0, end_ = 0; ///< what is queued: positions, modulo the buffer's size
    u8 room_ = 0;             ///< free bytes of the transmit FIFO that we know of
};

} // namespace px::x86
