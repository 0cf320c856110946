// SPDX-License-Identifier: Apache-2.0
// Disks without a script.
#include "domain/devices/native_disk.hpp"

#include "base/text.hpp"
#include "host/process.hpp"
#include "host/storage.hpp"

#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace domain {
namespace {

constexpr int open_limit_ms = 10000, close_limit_ms = 2000;

/// A disk of another domain, as its back end's nodes tell.
struct Other {
    DomId domain;
    host::Storage storage;
    bool writable = false;
};

void pause_ms(int ms) {
    timespec time{0, ms * 1000000L};
    nanosleep(&time, nullptr);
}

/// The storage that a back end uses: by the path, or by the device's number where a script made something of the path.
std::optional<host::Storage> storage_of(std::string params, const std::string& physical, bool device_model) {
    if (device_model) // "qcow2:/path"
        if (auto colon = params.find(':'); colon != std::string::npos) params.erase(0, colon + 1);
    if (params.starts_with('/'))
        if (auto storage = host::identify(params)) return *storage;
    auto colon = physical.find(':');
    if (colon == std::string::npos) return std::nullopt;
    auto high = toolstack::to_unsigned(physical.substr(0, colon), 16),
         low = toolstack::to_unsigned(physical.substr(colon + 1), 16);
    if (!high || !low) return std::nullopt;
    return host::identify(makedev(static_cast<unsigned>(*high), static_cast<unsigned>(*low)));
}

/// Whether a domain can still write: it lives, and has not stopped for good (one that is kept after a crash has).
bool may_write(Session& session, DomId id) {
    auto control = session.xen();
    auto info = control ? xen::domain_info(**control, id)
                        : xen::Result<xen::DomainInfo>(std::unexpected(xen::Error{ESRCH, {}}));
    if (!info) return !control || info.error().code != ESRCH;
    auto reason = info->flags >> abi::dominf_shutdown_shift & abi::dominf_shutdown_mask;
    constexpr unsigned suspended = 2;
    return !(info->flags & (abi::dominf_shutdown | abi::dominf_dying)) || reason == suspended;
}

/// The disks that domain 0 serves to others than `except`.
Result<std::vector<Other>> disks_of_others(Session& session, DomId except) {
    auto& client = *TRY(session.store());
    std::vector<Other> out;
    for (std::string_view kind : {"vbd", "qdisk"}) {
        auto root = fmt::format("/local/domain/0/backend/{}", kind);
        std::vector<std::string> paths;
        std::vector<DomId> domains;
        for (auto& domain : client.list(root).value_or(std::vector<std::string>{})) {
            auto id = toolstack::to_unsigned(domain);
            if (!id || *id == except.value || !may_write(session, {static_cast<abi::domid_t>(*id)})) continue;
            for (auto& device : client.list(root + "/" + domain).value_or(std::vector<std::string>{})) {
                for (auto key : {"params", "mode", "physical-device"})
                    paths.push_back(fmt::format("{}/{}/{}/{}", root, domain, device, key));
                domains.push_back({static_cast<abi::domid_t>(*id)});
            }
        }
        auto values = TRY(or_fail(client.get_all(paths), "cannot read the other domains' disks"));
        for (std::size_t i = 0; i < domains.size(); ++i) {
            auto storage = storage_of(values[3 * i].value_or(""), values[3 * i + 2].value_or(""), kind == "qdisk");
            if (storage) out.push_back({domains[i], *storage, values[3 * i + 1].value_or("w").starts_with('w')});
        }
    }
    return out;
}

std::string sys_path(const Device& device) {
    return fmt::format("/sys/bus/xen-backend/devices/vbd-{}-{}", device.front.value, device.id);
}

bool served_by_kernel(const Device& device) {
    return device.kind == "vbd" && !device.by_device_model() && device.back.value == 0;
}

} // namespace

Result<void> check_sharing(Session& session, const std::vector<Device>& devices) {
    std::optional<std::vector<Other>> others;
    for (auto& device : devices) {
        if (!device.source || device.source->force) continue;
        auto& source = *device.source;
        auto storage = host::identify(source.path);
        if (!storage) return std::unexpected(in(device.label, std::move(storage).error()));
        if (!others) others = TRY(disks_of_others(session, device.front));
        std::string user = host::used_here(*storage, source.writable).value_or("");
        for (auto& other : *others)
            if (user.empty() && (source.writable || other.writable) && overlap(*storage, other.storage))
                user = fmt::format("used by domain {}{}", session.display_name(other.domain),
                                   other.writable ? "" : ", read-only");
        if (!user.empty())
            return fail(fmt::format("{}: '{}' is {}", device.label, source.path, user),
                        source.writable ? "end that, or give it read-only (r), or insist (w!) and risk its contents"
                                        : "end that first");
    }
    return {};
}

Result<void> open_disks(std::vector<Device>& devices, std::vector<host::Loop>& held) {
    for (auto& device : devices) {
        if (device.setup != Setup::native || !device.source) continue;
        struct stat status{};
        if (stat(device.source->path.c_str(), &status) != 0)
            return fail(fmt::format("{}: '{}' is gone", device.label, device.source->path));
        auto number = status.st_rdev;
        auto path = device.source->path;
        if (S_ISREG(status.st_mode)) {
            auto loop = host::open_loop(path, device.source->writable);
            if (!loop) return std::unexpected(in(device.label, std::move(loop).error()));
            number = loop->device;
            path = fmt::format("/dev/loop{}", loop->number);
            held.push_back(std::move(*loop));
        }
        device.back_nodes.insert(device.back_nodes.end(),
                                 {{"physical-device", fmt::format("{:x}:{:x}", major(number), minor(number))},
                                  {"physical-device-path", path},
                                  {"hotplug-status", "connected"}});
    }
    return {};
}

Result<void> await_opened(Session& session, const std::vector<Device>& devices) {
    auto& client = *TRY(session.store());
    auto deadline = host::now_ms() + open_limit_ms;
    for (auto& device : devices) {
        if (device.setup != Setup::native || !served_by_kernel(device)) continue;
        // The kernel makes this file when it has opened the disk. It tells nobody: xenstore hears of it with the
        // guest's answer.
        auto opened = sys_path(device) + "/physical_device";
        for (int wait = 0; access(opened.c_str(), F_OK) != 0; wait = 1) {
            auto state = std::atoi(client.get(device.back_path() + "/state").value_or("6").c_str());
            if (state < static_cast<int>(BusState::closing) && host::now_ms() < deadline) {
                pause_ms(wait);
                continue;
            }
            auto said = client.get(device.error_path() + "/error");
            return fail(fmt::format("{}: the kernel cannot use '{}'{}{}", device.label, device.source->path,
                                    said ? ": " : "", said.value_or("")),
                        "see dmesg");
        }
    }
    return {};
}

void await_closed(const std::vector<Device>& devices) {
    auto deadline = host::now_ms() + close_limit_ms;
    for (auto& device : devices)
        for (int wait = 0;
             served_by_kernel(device) && access(sys_path(device).c_str(), F_OK) == 0 && host::now_ms() < deadline;
             wait = 1)
            pause_ms(wait);
}

} // namespace domain
