// SPDX-License-Identifier: Apache-2.0
// QEMU for disks and frame buffers.
#include "domain/devices/device_model.hpp"

#include "base/stop_signal.hpp"
#include "base/text.hpp"
#include "domain/devices/display.hpp"
#include "host/lock.hpp"
#include "host/process.hpp"
#include "xen/handle.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr std::string_view programs[] = {"/usr/libexec/xen-qemu-system-i386", "/usr/lib/xen-4.17/bin/qemu-system-i386",
                                         "/usr/bin/qemu-system-i386"};
constexpr off_t log_window = 8192; ///< bytes
constexpr int start_limit_ms = 60000, stop_limit_ms = 10000;

std::string pid_path(DomId guest) { return fmt::format("{}/image/device-model-pid", path_of(guest)); }
std::string state_path(DomId guest) { return fmt::format("/local/domain/0/device-model/{}", guest.value); }
std::string pid_file(DomId guest) { return fmt::format("/run/xen/qemu-dm-{}.pid", guest.value); }

std::string log_path(Session& session, DomId guest) {
    return fmt::format("/var/log/xen/qemu-dm-{}.log", session.display_name(guest));
}

std::string file_text(const std::string& path, off_t from = 0) {
    xen::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[log_window];
    ssize_t size = 0;
    if (file && lseek(file.get(), from, SEEK_SET) == from) size = read(file.get(), text, sizeof text);
    return {text, size > 0 ? static_cast<std::size_t>(size) : 0};
}

/// The process of the guest's QEMU, 0 where there is none. A number that another program has by now is none.
pid_t process_of(Session& session, DomId guest) {
    auto client = session.store();
    auto text = client ? (*client)->get(pid_path(guest)) : std::nullopt;
    auto pid = toolstack::to_unsigned(toolstack::trim(text ? *text : file_text(pid_file(guest))));
    if (!pid || *pid < 2 || *pid > INT32_MAX) return 0;
    auto words = file_text(fmt::format("/proc/{}/cmdline", *pid));
    auto argument = fmt::format("{0}-xen-domid{0}{1}{0}", '\0', guest.value);
    return words.find(argument) == std::string::npos ? 0 : static_cast<pid_t>(*pid);
}

/// `log` named as QEMU's own keeps its standard error, which is the same file, open in the background.
std::vector<std::string> command_line(const std::string& program, DomId guest, const std::string& name,
                                      const std::string& log, const config::Vfb* screen) {
    std::vector<std::string> words = {program,
                                      "-xen-domid",
                                      std::to_string(guest.value),
                                      "-no-shutdown",
                                      "-chardev",
                                      fmt::format("socket,id=libxl-cmd,path={},server=on,wait=off", qmp_path(guest)),
                                      "-mon",
                                      "chardev=libxl-cmd,mode=control",
                                      "-nodefaults",
                                      "-no-user-config",
                                      "-xen-attach",
                                      "-name",
                                      name,
                                      "-machine",
                                      "xenpv",
                                      "-daemonize",
                                      "-pidfile",
                                      pid_file(guest),
                                      "-D",
                                      log};
    std::ranges::copy(display_words(screen), std::back_inserter(words));
    return words;
}

void kill_and_wait(pid_t process) {
    xen::FileDescriptor handle(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    if (!handle) return;
    kill(process, SIGTERM);
    pollfd poller{handle.get(), POLLIN, 0};
    auto deadline = host::now_ms() + stop_limit_ms;
    int done = 0;
    for (long left; done <= 0 && (left = deadline - host::now_ms()) > 0;)
        done = poll(&poller, 1, static_cast<int>(left));
    if (done <= 0) kill(process, SIGKILL);
}

void stop(Session& session, DomId guest) {
    if (auto process = process_of(session, guest)) kill_and_wait(process);
    unlink(pid_file(guest).c_str());
    unlink(qmp_path(guest).c_str());
    auto client = session.store();
    if (!client) return;
    (void)(*client)->remove(pid_path(guest));
    (void)(*client)->remove(state_path(guest));
    auto remove_empty = [&](const std::string& path) {
        auto children = (*client)->list(path);
        if (children && children->empty()) (void)(*client)->remove(path);
    };
    for (auto kind : {"qdisk", "vfb", "vkbd"}) { // QEMU may have made them again
        auto path = fmt::format("/local/domain/0/backend/{}", kind);
        (void)(*client)->remove(fmt::format("{}/{}", path, guest.value));
        remove_empty(path);
    }
    remove_empty("/local/domain/0/backend");
    remove_empty("/local/domain/0/device-model");
}

/// Held while a guest's QEMU is looked for, started or ended: two that attach at once start one.
Result<host::Lock> lock_model(DomId guest) {
    return host::Lock::take_passing(host::run_path(fmt::format("proxenos-qemu-{}.lock", guest.value)));
}

std::string first_line(const std::string& text) {
    return std::string(toolstack::trim(text.substr(0, text.find('\n'))));
}

Result<std::string> find_program() {
    for (auto program : programs)
        if (access(std::string(program).c_str(), X_OK) == 0) return std::string(program);
    return fail("there is no QEMU for Xen", "install qemu-system-xen, or convert the image: qemu-img convert -O raw");
}

} // namespace

Result<void> check_device_model() {
    TRY(find_program());
    return {};
}

bool device_model_runs(Session& session, DomId guest) { return process_of(session, guest) != 0; }

DeviceModelLog::DeviceModelLog(Session& session, DomId guest) : path_(log_path(session, guest)) {
    struct stat status{};
    if (device_model_runs(session, guest) && stat(path_.c_str(), &status) == 0) from_ = status.st_size;
}

DeviceModelLog DeviceModelLog::whole(Session& session, DomId guest) {
    DeviceModelLog log(log_path(session, guest));
    struct stat status{};
    if (stat(log.path_.c_str(), &status) == 0) log.from_ = std::max<off_t>(0, status.st_size - log_window);
    return log;
}

std::string DeviceModelLog::about(const Device& device) const {
    auto text = file_text(path_, from_);
    text.resize(text.rfind('\n') + 1); // a line that is being written is read when it is whole
    return qemu_words(text, device.id);
}

std::string qemu_words(std::string_view log, unsigned id) {
    auto mark = fmt::format("device '{}': ", id);
    for (auto line : toolstack::split(log, '\n')) {
        auto at = line.find(mark);
        if (at == std::string_view::npos) continue;
        line = toolstack::trim(line.substr(at + mark.size()));
        constexpr std::string_view step = "failed to create drive: ";
        return std::string(line.starts_with(step) ? line.substr(step.size()) : line);
    }
    return {};
}

std::string qmp_path(DomId guest) { return fmt::format("/run/xen/qmp-libxl-{}", guest.value); }

Result<void> ensure_device_model(Session& session, const std::vector<Device>& devices) {
    const Device* first = nullptr;
    const config::Vfb* screen = nullptr;
    for (auto& device : devices) {
        if (!first && device.by_device_model() && device.back.value == 0) first = &device;
        if (!screen && device.screen) screen = &*device.screen;
    }
    if (!first) return {};
    auto guest = first->front;
    auto lock = TRY(lock_model(guest));
    if (device_model_runs(session, guest)) return {};
    auto name = session.display_name(guest);
    auto log = log_path(session, guest);
    mkdir("/var/log/xen", 0755);
    xen::FileDescriptor output(open(log.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640));
    if (!output) return fail(fmt::format("cannot write '{}': {}", log, std::strerror(errno)));
    host::Program program{.words = command_line(TRY(find_program()), guest, name, log, screen),
                          .environment = display_environment(screen),
                          .output = output.get(),
                          .errors = output.get(),
                          .own_session = true};
    // It goes to the background by itself when it serves: its first process ends then, or tells what is wrong.
    auto status = host::finish(TRY(host::start(program)), host::now_ms() + start_limit_ms);
    if (!status && toolstack::StopSignals::asked()) return fail("interrupted", "nothing is left behind");
    if (!status || !WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
        return fail(fmt::format("{}: QEMU {}: {}", first->label, status ? "does not start" : "hangs",
                                first_line(file_text(log))),
                    "see " + log);
    }
    auto& client = *TRY(session.store());
    auto pid = std::string(toolstack::trim(file_text(pid_file(guest))));
    TRY(or_fail(client.write(pid_path(guest), pid), "cannot keep QEMU's number"));
    if (!screen) return {};
    auto opened = open_display(session, guest, *screen);
    if (!opened) return std::unexpected(in(first->label, std::move(opened).error()));
    return {};
}

void release_device_model(Session& session, const std::vector<Device>& gone) {
    std::vector<DomId> guests;
    for (auto& device : gone)
        if (device.by_device_model() && (guests.empty() || guests.back() != device.front))
            guests.push_back(device.front);
    for (auto guest : guests) {
        auto lock = lock_model(guest);
        auto left = devices_of(session, guest);
        bool needed = !left; // unknown
        if (left)
            for (auto& device : *left) needed = needed || device.by_device_model();
        if (!needed) stop(session, guest);
    }
}

} // namespace domain
