// SPDX-License-Identifier: Apache-2.0
// QEMU's machine protocol (QEMU's docs/interop/qmp-spec): commands and answers as JSON lines over a local socket.
#pragma once

#include "base/failure.hpp"
#include "xen/handle.hpp"

#include <nlohmann/json.hpp>
#include <string>

namespace host {

using toolstack::fail;
using toolstack::Result;

/// The text that a message has by that name, or `fallback`.
std::string text_of(const nlohmann::json& message, const std::string& key, const std::string& fallback);

/// A conversation with one QEMU. It talks to one client at a time.
class Qmp {
  public:
    /// Connects and says hello. Errors: nobody listens, or it is not QEMU, or it takes longer than `limit_ms`.
    static Result<Qmp> connect(const std::string& path, int limit_ms = 10000);

    /// Runs a command to its answer. Errors: QEMU refuses (in its words), hangs up, or takes too long.
    Result<nlohmann::json> execute(const std::string& command, nlohmann::json arguments = nlohmann::json::object());

  private:
    Qmp(xen::FileDescriptor socket, int limit_ms) : socket_(std::move(socket)), limit_ms_(limit_ms) {}
    Result<nlohmann::json> next(long deadline); ///< the next message that is no event

    xen::FileDescriptor socket_;
    int limit_ms_;
    std::string read_; ///< bytes that came behind the last message
};

} // namespace host
