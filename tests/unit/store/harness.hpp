// SPDX-License-Identifier: Apache-2.0
// A store server without a daemon, and a client that speaks the wire protocol to it.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/core/server.hpp"

namespace store::test {

/// Takes all domains, remembers log lines.
struct Host : DomainHost {
    std::expected<void, int> connect(Domain&) override { return {}; }
    bool exists(abi::domid_t) override { return true; }
    void disconnect(Domain&) override {}
    void log(std::string_view line) override { lines.emplace_back(line); }
    std::vector<std::string> lines;
};

struct Event {
    std::string path, token;
    bool operator==(Event const&) const = default;
};

/// A reply: an errno (0 = success) and the payload.
struct Answer {
    int error = 0;
    std::string payload;
    bool operator==(Answer const&) const = default;
};

/// "a\0b\0" from its parts.
[[nodiscard]] std::string strings(std::initializer_list<std::string_view> parts);

class Peer {
  public:
    Peer(Server& server, Connection& connection) : server_{server}, connection_{&connection} {}
    Answer call(Op op, std::string_view payload, std::uint32_t transaction = 0);
    Answer read(std::string_view path, std::uint32_t t = 0) { return call(Op::Read, strings({path}), t); }
    Answer list(std::string_view path, std::uint32_t t = 0) { return call(Op::Directory, strings({path}), t); }
    int write(std::string_view path, std::string_view value, std::uint32_t t = 0) {
        return call(Op::Write, strings({path}).append(value), t).error;
    }
    int remove(std::string_view path, std::uint32_t t = 0) { return call(Op::Rm, strings({path}), t).error; }
    int mkdir(std::string_view path, std::uint32_t t = 0) { return call(Op::Mkdir, strings({path}), t).error; }
    int watch(std::string_view path, std::string_view token) { return call(Op::Watch, strings({path, token})).error; }
    int chmod(std::string_view path, std::initializer_list<std::string_view> modes, std::uint32_t t = 0) {
        return call(Op::SetPerms, strings({path}) + strings(modes), t).error;
    }
    std::uint32_t start();
    int end(std::uint32_t t, bool commit = true) {
        return call(Op::TransactionEnd, commit ? strings({"T"}) : strings({"F"}), t).error;
    }
    /// Events that have come since the last call.
    std::vector<Event> events();
    Connection& connection() { return *connection_; }

  private:
    void collect(std::optional<Answer>* answer);
    Server& server_;
    Connection* connection_;
    std::uint32_t next_ = 1;
    std::vector<Event> events_;
};

/// All nodes as "path=value(perms)" lines, in listing order.
[[nodiscard]] std::string dump(Tree const& tree);

} // namespace store::test
