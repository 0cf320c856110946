// SPDX-License-Identifier: Apache-2.0
// Creation of a domain: xenstore's half. The layout is libxl's, node by node, so that stock tools work on our domains.
#include "domain/create.hpp"

#include "config/parse.hpp"
#include "domain/config_json.hpp"
#include "domain/devices/wait.hpp"
#include "domain/life/remains.hpp"
#include "domain/transact.hpp"
#include "domain/userdata.hpp"
#include "host/lock.hpp"
#include "host/process.hpp"
#include "store/watching.hpp"

#include <algorithm>
#include <ctime>
#include <fmt/format.h>

namespace domain {
namespace {

using store::Transaction;

/// Queues writes below one path.
class Writer {
  public:
    Writer(store::Client& client, std::string root, Transaction transaction)
        : client_(client), root_(std::move(root)), transaction_(transaction) {}
    void write(std::string_view key, std::string_view value) {
        keep(client_.post_write(path(key), value, transaction_));
    }
    void make(std::string_view key, std::string_view permissions) {
        auto at = path(key);
        keep(client_.post(abi::XenstoreOp::Mkdir, {at, std::string_view("", 1)}, transaction_));
        keep(client_.post_permissions(at, permissions, transaction_));
    }
    /// An empty node that the guest may write.
    void writable(std::string_view key, DomId guest) {
        write(key, "");
        keep(client_.post_permissions(path(key), fmt::format("n{}{}", guest.value, '\0'), transaction_));
    }
    xen::Result<> result() const { return result_; }

  private:
    std::string path(std::string_view key) const { return key.empty() ? root_ : root_ + "/" + std::string(key); }
    void keep(xen::Result<> done) {
        if (!done && result_) result_ = std::move(done);
    }
    store::Client& client_;
    std::string root_;
    Transaction transaction_;
    xen::Result<> result_;
};

std::string owner_and_reader(DomId owner, DomId reader) {
    return fmt::format("n{}{}r{}{}", owner.value, '\0', reader.value, '\0');
}

} // namespace

/// Whether what held a name or a UUID was no domain any more, or one that never got whole.
/// Under the names' lock nobody waits until devices are gone: what came since the first look is not mended then.
bool Creation::is_mended(DomId holder) {
    bool early = !maker_;
    if (early) mend_remains(session_);
    auto info = session_.info(holder);
    if (info) return info->flags & abi::dominf_dying;
    if (!early) return false;
    sweep_traces(session_, holder);
    return true;
}

/// Refuses a name that a domain has which was not looked at before: all the first time, later those that came
/// meanwhile.
Result<void> Creation::check_name(store::Client& client) {
    std::vector<std::string> added, paths;
    for (auto& id : client.list("/local/domain").value_or(std::vector<std::string>{}))
        if (std::ranges::find(seen_, id) == seen_.end()) added.push_back(id);
    for (auto& id : added) paths.push_back("/local/domain/" + id + "/name");
    auto names = TRY(or_fail(client.get_all(paths), "cannot read the domains' names"));
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == config_.name && !is_mended({static_cast<abi::domid_t>(std::atoi(added[i].c_str()))}))
            return fail(fmt::format("domain {} has this name already", added[i]),
                        "choose another name, or destroy that domain");
    seen_.insert(seen_.end(), added.begin(), added.end());
    return {};
}

Result<void> Creation::write_skeleton() {
    auto& client = *TRY(session_.store());
    auto lock = TRY(host::Lock::take_own("names")); // others look for our name before we look, or after it is there
    TRY(check_name(client));
    if (config_.uuid) TRY(check_uuid(client, false));
    named_ = true;
    auto vm = "/vm/" + config::print(uuid_);
    auto read_only = owner_and_reader({0}, id_);
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return transact(client, "cannot write its xenstore nodes", [&](Transaction transaction) -> xen::Result<> {
        // Somebody's who had this number and died before his end.
        for (auto& stale : {path_of(id_), fmt::format("/libxl/{}", id_.value)})
            if (client.get(stale, transaction)) XEN_TRY(client.remove(stale, transaction));
        Writer root(client, path_of(id_), transaction), image(client, vm, transaction);
        root.make("", read_only);
        root.write("vm", vm);
        root.write("name", config_.name);
        for (unsigned i = 0; i < config_.max_vcpus; ++i)
            root.write(fmt::format("cpu/{}/availability", i), i < config_.vcpus ? "online" : "offline");
        root.write("memory/static-max", std::to_string(config_.max_memory_kib));
        root.write("memory/target", std::to_string(config_.memory_kib));
        root.write("memory/videoram", "0");
        root.write("device", "");
        root.write("device/suspend", "");
        root.writable("device/suspend/event-channel", id_);
        root.write("control", "");
        for (auto key : {"control/shutdown", "control/feature-poweroff", "control/feature-reboot",
                         "control/feature-suspend", "control/sysrq", "data", "drivers", "feature", "attr", "error"})
            root.writable(key, id_);
        if (config_.driver_domain) // where its own tools keep what they know of the devices that they serve
            for (auto key : {"libxl", "device-model"}) root.writable(key, id_);
        root.write("control/platform-feature-multiprocessor-suspend", "1");
        root.write("control/platform-feature-xs_reset_watches", "1");
        root.write("domid", std::to_string(id_.value));
        image.make("", read_only);
        image.write("name", config_.name);
        image.write("uuid", config::print(uuid_));
        if (!is_pvh()) { // as libxl, which writes these for PV guests only
            image.write("image/ostype", "linux");
            auto& ramdisk = choice_ ? choice_->ramdisk : config_.ramdisk;
            image.write("image/kernel", choice_ ? choice_->kernel : config_.kernel);
            if (!ramdisk.empty()) image.write("image/ramdisk", ramdisk);
            if (!command_line_.empty()) image.write("image/cmdline", command_line_);
        }
        image.write("start_time", fmt::format("{}.{:02}", now.tv_sec, now.tv_nsec / 10000000));
        Writer libxl(client, fmt::format("/libxl/{}", id_.value), transaction);
        libxl.make("", std::string("n0\0", 3));
        libxl.write("type", name(config_.type));
        libxl.write("dm-version", "qemu_xen");
        if (options_.watched) libxl.write("watcher", "proxenos"); // whose life-cycle actions are ours to do
        XEN_TRY(root.result());
        XEN_TRY(image.result());
        return libxl.result();
    });
}

Result<void> Creation::introduce() {
    auto& client = *TRY(session_.store());
    Device console;
    console.kind = "console";
    console.front = id_;
    console.label = "console";
    console.back_nodes = {
        {"frontend-id", std::to_string(id_.value)}, {"online", "1"}, {"state", "1"}, {"protocol", "vt100"}};
    TRY(transact(client, "cannot write its console's nodes", [&](Transaction transaction) -> xen::Result<> {
        XEN_TRY(post_nodes(client, console, transaction));
        Writer root(client, path_of(id_), transaction);
        root.write("store/port", std::to_string(store_port_.value));
        root.write("store/ring-ref", std::to_string(store_ring_.value));
        root.write("console/limit", "1048576");
        root.write("console/type", "xenconsoled");
        root.write("console/output", "pty");
        root.write("console/tty", "");
        root.write("console/port", std::to_string(console_port_.value));
        root.write("console/ring-ref", std::to_string(console_ring_.value));
        return root.result();
    }));
    // Last: xenstored tells everyone of the domain, and xenconsoled then reads what was written above.
    return or_fail(client.introduce(id_, store_ring_, store_port_), "xenstored refuses the domain");
}

Result<void> Creation::prepare_devices() {
    id_ = {}; // the real number is not known yet; make_* only checks here
    std::vector<Device> disks;
    for (auto& disk : config_.disks) disks.push_back(TRY(make_disk(session_, id_, disk)));
    TRY(check_sharing(session_, disks));
    for (unsigned i = 0; i < config_.vifs.size(); ++i) {
        config_.vifs[i].devid = config_.vifs[i].devid.value_or(i);
        TRY(make_vif(session_, id_, config_.vifs[i], *config_.vifs[i].devid));
    }
    for (unsigned i = 0; i < config_.vfbs.size(); ++i) TRY(make_vfb(id_, config_.vfbs[i], i));
    return {};
}

Result<void> Creation::attach_devices() {
    for (auto& disk : config_.disks) devices_.push_back(TRY(make_disk(session_, id_, disk)));
    for (auto& vif : config_.vifs) devices_.push_back(TRY(make_vif(session_, id_, vif, *vif.devid)));
    for (unsigned i = 0; i < config_.vfbs.size(); ++i)
        for (auto& device : TRY(make_vfb(id_, config_.vfbs[i], i))) devices_.push_back(std::move(device));
    undo_.push_back([this] {
        if (!detach(session_, devices_) && maker_) maker_->leave_behind();
    });
    return attach(session_, devices_);
}

Result<void> Creation::keep_config() {
    auto json = to_libxl_json(config_, uuid_);
    if (options_.settings.empty()) return save_userdata(id_, uuid_, "libxl-json", json);
    // What was drawn at random stays the same over restarts.
    auto put = [&](std::string_view key, config::Value value) {
        std::erase_if(options_.settings, [&](auto& setting) { return setting.key == key; });
        options_.settings.push_back({.key = std::string(key), .value = std::move(value)});
    };
    put("uuid", {.text = config::print(uuid_)});
    config::Value list{.kind = config::Value::Kind::list};
    for (auto& vif : config_.vifs) list.list.push_back({.text = config::print(vif)});
    if (!config_.vifs.empty()) put("vif", std::move(list));
    return keep(id_, uuid_, {options_.settings, boot_seconds(), options_.quick}, json);
}

Result<void> Creation::await_console() {
    auto& client = *TRY(session_.store());
    auto path = path_of(id_) + "/console/tty";
    if (!client.get(path).value_or("").empty()) return {};
    auto watches = TRY(or_fail(store::Watching::start(client, std::span(&path, 1)), "cannot watch its console"));
    for (auto deadline = host::now_ms() + wait_ms; client.get(path).value_or("").empty();) {
        auto left = deadline - host::now_ms();
        if (left <= 0)
            return fail("xenconsoled gives it no console",
                        "see that it runs and has descriptors left (xl doctor): systemctl restart xenconsoled");
        TRY(wait_for_change(client, left));
    }
    return {};
}

} // namespace domain
