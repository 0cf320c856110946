// SPDX-License-Identifier: Apache-2.0
// What block and network transfers cost: "io block DEVICE", "io net ADDRESS" against "io serve" on the other
// side.
#include <arpa/inet.h>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.hpp"

namespace {

constexpr size_t large = 64 << 10, small = 4 << 10, device_size = 32 << 20;
constexpr uint16_t tcp_port = 7001, udp_port = 7002;
alignas(4096) unsigned char buffer[large];

void end(const char* what) {
    std::perror(what);
    std::exit(1);
}

/// MB per 10^9 ticks.
double rate(double bytes, double ticks) { return bytes / 1e6 / (ticks / 1e9); }

void block(const char* device) {
    const int file = open(device, O_RDONLY | O_DIRECT);
    if (file < 0) end(device);
    off_t at = 0;
    const double sequential = bench::per_call(64, [&] {
        if (pread(file, buffer, large, at) != static_cast<ssize_t>(large)) end("read");
        at = (at + static_cast<off_t>(large)) % static_cast<off_t>(device_size);
    });
    bench::report("block-sequential", rate(large, sequential));
    uint32_t seed = 1;
    const double random = bench::per_call(50, [&] {
        seed = seed * 1664525 + 1013904223;
        if (pread(file, buffer, small, static_cast<off_t>(seed % (device_size / small) * small)) < 0) end("read");
    });
    bench::report("block-random", random);
}

sockaddr_in address_of(const char* host, uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

int bound(int type, uint16_t port) {
    const int link = socket(AF_INET, type, 0), yes = 1;
    setsockopt(link, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const sockaddr_in name = address_of("0.0.0.0", port);
    if (bind(link, reinterpret_cast<const sockaddr*>(&name), sizeof name)) end("bind");
    return link;
}

/// Swallows each TCP stream and answers its end with one byte; returns each datagram.
[[noreturn]] void serve() {
    const int streams = bound(SOCK_STREAM, tcp_port), datagrams = bound(SOCK_DGRAM, udp_port);
    if (listen(streams, 1)) end("listen");
    if (fork() == 0) {
        for (;;) {
            sockaddr_in from;
            socklen_t size = sizeof from;
            const ssize_t length =
                recvfrom(datagrams, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (length > 0)
                sendto(datagrams, buffer, static_cast<size_t>(length), 0, reinterpret_cast<sockaddr*>(&from), size);
        }
    }
    for (;;) {
        const int link = accept(streams, nullptr, nullptr);
        while (read(link, buffer, sizeof buffer) > 0) {}
        (void)!write(link, buffer, 1);
        close(link);
    }
}

/// Ticks until the other side has all of `size` bytes.
double send_stream(const char* host, size_t size) {
    const int link = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in name = address_of(host, tcp_port);
    if (connect(link, reinterpret_cast<const sockaddr*>(&name), sizeof name)) end("connect");
    const uint64_t start = bench::ticks();
    for (size_t sent = 0; sent < size; sent += sizeof buffer)
        for (size_t part = 0; part < sizeof buffer;) {
            const ssize_t length = write(link, buffer + part, sizeof buffer - part);
            if (length <= 0) end("write");
            part += static_cast<size_t>(length);
        }
    shutdown(link, SHUT_WR);
    (void)!read(link, buffer, 1);
    const double cost = static_cast<double>(bench::ticks() - start);
    close(link);
    return cost;
}

void net(const char* host) {
    constexpr size_t stream = 16 << 20;
    send_stream(host, stream / 16);
    bench::report("tcp", rate(stream, send_stream(host, stream)));
    const int link = socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in name = address_of(host, udp_port);
    if (connect(link, reinterpret_cast<const sockaddr*>(&name), sizeof name)) end("connect");
    bench::report("udp", bench::per_call(100, [=] {
                      if (send(link, buffer, 56, 0) != 56 || recv(link, buffer, sizeof buffer, 0) != 56)
                          end("datagram");
                  }));
}

} // namespace

int main(int count, char** arguments) {
    if (count == 2 && std::strcmp(arguments[1], "serve") == 0) serve();
    if (count != 3) return 2;
    std::strcmp(arguments[1], "block") == 0 ? block(arguments[2]) : net(arguments[2]);
    return 0;
}
