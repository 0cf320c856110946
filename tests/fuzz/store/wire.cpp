// SPDX-License-Identifier: Apache-2.0
// Fuzz target: bytes from several clients to the store server; accounts must agree with the tree afterwards.
#include <cstdint>
#include <cstdlib>

#include "store/core/server.hpp"

namespace {

struct Host : store::DomainHost {
    std::expected<void, int> connect(store::Domain&) override { return {}; }
    bool exists(abi::domid_t) override { return true; }
    void disconnect(store::Domain&) override {}
    void log(std::string_view) override {}
};

} // namespace

/// The input is a sequence of (client, type, transaction, length, payload): what a stream parses into.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    Host host;
    store::Server server{host, {}};
    server.populate();
    store::Connection& socket = server.open_socket();
    for (abi::domid_t const domid : {1, 2}) (void)server.introduce(domid, 1, 1);
    std::string_view rest{reinterpret_cast<char const*>(data), size};
    while (rest.size() >= 4) {
        unsigned const client = static_cast<unsigned char>(rest[0]) % 3;
        store::Domain* const domain = client ? server.find_domain(static_cast<abi::domid_t>(client)) : nullptr;
        store::Connection& from = domain ? *domain->connection : socket;
        std::size_t const length = std::min<std::size_t>(static_cast<unsigned char>(rest[3]), rest.size() - 4);
        store::Header const header{static_cast<unsigned char>(rest[1]) % 25u, 1,
                                   static_cast<unsigned char>(rest[2]) % 4u, static_cast<std::uint32_t>(length)};
        server.handle(from, header, rest.substr(4, length));
        from.taken(from.pending().size());
        rest.remove_prefix(4 + length);
    }
    store::Server again{host, {}};
    if (!again.restore(server.log())) std::abort();
    store::Connection& checker = again.open_socket();
    again.handle(checker, {0, 1, 0, 6}, std::string_view{"check\0", 6});
    if (!checker.pending().ends_with(std::string_view{"OK\0", 3})) std::abort();
    return 0;
}
