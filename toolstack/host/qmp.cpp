// SPDX-License-Identifier: Apache-2.0
// Talks to QEMU.
#include "host/qmp.hpp"

#include "host/process.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace host {

using nlohmann::json;

namespace {

constexpr std::size_t longest_message = 1u << 20;

} // namespace

std::string text_of(const json& message, const std::string& key, const std::string& fallback) {
    auto found = message.find(key);
    return found != message.end() && found->is_string() ? found->get<std::string>() : fallback;
}

Result<Qmp> Qmp::connect(const std::string& path, int limit_ms) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return fail(fmt::format("'{}' is too long for a socket", path));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    xen::FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return fail(fmt::format("cannot talk to QEMU at '{}': {}", path, std::strerror(errno)));
    Qmp qmp(std::move(socket), limit_ms);
    auto greeting = TRY(qmp.next(now_ms() + limit_ms));
    if (!greeting.contains("QMP")) return fail(fmt::format("what listens at '{}' is not QEMU", path));
    TRY(qmp.execute("qmp_capabilities"));
    return qmp;
}

Result<json> Qmp::next(long deadline) {
    for (;;) {
        auto end = read_.find('\n');
        if (end != std::string::npos) {
            auto message = json::parse(read_.substr(0, end), nullptr, false);
            read_.erase(0, end + 1);
            if (!message.is_object()) return fail("QEMU says what is no message");
            if (message.contains("event")) continue;
            return message;
        }
        if (read_.size() > longest_message) return fail("QEMU says more than a message may have");
        auto left = deadline - now_ms();
        pollfd poller{socket_.get(), POLLIN, 0};
        if (left <= 0 || poll(&poller, 1, static_cast<int>(left)) == 0) return fail("QEMU does not answer");
        char buffer[4096];
        auto got = read(socket_.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return fail("QEMU has hung up");
        read_.append(buffer, static_cast<std::size_t>(got));
    }
}

Result<json> Qmp::execute(const std::string& command, json arguments) {
    json request = {{"execute", command}};
    if (!arguments.empty()) request["arguments"] = std::move(arguments);
    auto text = request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    std::string_view rest = text;
    while (!rest.empty()) {
        auto done = send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return fail(fmt::format("QEMU does not hear '{}': {}", command, std::strerror(errno)));
        rest.remove_prefix(static_cast<std::size_t>(done));
    }
    auto answer = TRY(next(now_ms() + limit_ms_));
    if (answer.contains("return")) return answer["return"];
    return fail(fmt::format("QEMU refuses '{}': {}", command, text_of(answer["error"], "desc", "without a reason")));
}

} // namespace host
