// SPDX-License-Identifier: Apache-2.0
// vncviewer: a viewer joined to the VNC server that QEMU runs for a guest.
#include "domain/devices/display.hpp"
#include "host/process.hpp"
#include "xl/life.hpp"

#include <cerrno>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

namespace xl {
namespace {

/// The end of a pipe to read the password from; the caller closes it.
Result<int> password_input(const std::string& password) {
    int ends[2];
    if (pipe(ends) != 0) return fail(fmt::format("no pipe for the password: {}", std::strerror(errno)));
    bool written = write(ends[1], password.data(), password.size()) == static_cast<ssize_t>(password.size());
    close(ends[1]);
    if (!written) return fail("the password does not fit a pipe");
    return ends[0];
}

} // namespace

Result<pid_t> start_viewer(Context& context, DomId id, bool with_password, bool alone) {
    auto server = TRY(domain::vnc_server_of(context.session, id));
    std::vector<std::string> words = {"vncviewer", server.address};
    int input = STDIN_FILENO;
    if (with_password && !server.password.empty()) {
        words.push_back("-autopass");
        input = TRY(password_input(server.password));
    }
    auto started = host::start({.words = words, .environment = {}, .input = input, .output = 1, .own_session = alone});
    if (input != STDIN_FILENO) close(input);
    if (!started) return std::unexpected(toolstack::in("cannot show the display", std::move(started).error()));
    return *started;
}

Result<int> run_vncviewer(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    if (context.dry_run) return exit_good;
    auto viewer = TRY(start_viewer(context, id, words.has('\1') || words.has('\2'), false));
    int status = 0;
    while (waitpid(viewer, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : exit_bad;
}

} // namespace xl
