// SPDX-License-Identifier: Apache-2.0
// doctor: looks at what guests need on this host and says what to do about each thing that is missing.
#include "xl/doctor.hpp"

#include "base/text.hpp"
#include "domain/domains.hpp"
#include "domain/life/action.hpp"
#include "domain/life/remains.hpp"
#include "domain/life/watcher.hpp"
#include "xen/version.hpp"
#include "xl/json.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace xl {
namespace {

enum class Health { good, weak, bad };

/// One thing looked at.
struct Finding {
    Health health;
    std::string what, remedy;
};

std::string first_line(const char* path) {
    char buffer[256] = {};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    auto got = read(fd, buffer, sizeof buffer - 1);
    close(fd);
    std::string_view text(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
    return std::string(text.substr(0, text.find('\n')));
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Finding check(bool good, std::string what, std::string missing, std::string remedy, Health otherwise = Health::bad) {
    return good ? Finding{Health::good, std::move(what), {}}
                : Finding{otherwise, std::move(missing), std::move(remedy)};
}

/// Whether a program of this name runs, however it was started.
bool runs(std::string_view name) {
    bool found = false;
    auto dir = opendir("/proc");
    while (auto entry = dir && !found ? readdir(dir) : nullptr)
        found = toolstack::to_unsigned(entry->d_name) &&
                first_line(fmt::format("/proc/{}/comm", entry->d_name).c_str()) == name;
    if (dir) closedir(dir);
    return found;
}

void look_at_hypervisor(Context& context, std::vector<Finding>& findings) {
    findings.push_back(check(first_line("/sys/hypervisor/type") == "xen", "this system runs on the hypervisor",
                             "this system does not run on the hypervisor",
                             "choose its entry in the boot menu; docs/boot.md tells how to make one"));
    findings.push_back(check(geteuid() == 0, "you are root", "you are not root", "run this with sudo"));
    auto control = context.session.xen();
    if (!control) {
        findings.push_back({Health::bad, control.error().what, control.error().remedy});
        return;
    }
    auto version = xen::version_number(**control);
    auto info = xen::physical_info(**control);
    if (!version || !info) {
        findings.push_back({Health::bad, "the hypervisor does not answer this domain", "use the tools in domain 0"});
        return;
    }
    findings.push_back(
        check(version->major == 4 && version->minor == 17,
              fmt::format("hypervisor interface {}.{}", version->major, version->minor),
              fmt::format("hypervisor interface {}.{}, but these tools are for 4.17", version->major, version->minor),
              "use the tools that belong to this hypervisor"));
    auto free = (info->free_pages - info->outstanding_pages) >> 8;
    findings.push_back(
        check(free >= 64, fmt::format("{} MiB free for guests", free), fmt::format("only {} MiB free for guests", free),
              "take memory from domain 0 (xl mem-set 0 ...), or boot with a smaller dom0_mem=", Health::weak));
}

void look_at_modules(std::vector<Finding>& findings) {
    struct Need {
        const char *path, *module, *purpose;
        Health otherwise;
    };
    constexpr Need needs[] = {
        {"/dev/xen/privcmd", "xen-privcmd", "the tools", Health::bad},
        {"/dev/xen/evtchn", "xen-evtchn", "the daemons", Health::bad},
        {"/dev/xen/gntdev", "xen-gntdev", "the daemons", Health::bad},
        {"/sys/bus/xen-backend/drivers/vbd", "xen-blkback", "disks", Health::weak},
        {"/sys/bus/xen-backend/drivers/vif", "xen-netback", "network interfaces", Health::weak},
        {"/dev/loop-control", "loop", "disks in files", Health::weak},
    };
    for (auto& need : needs)
        findings.push_back(check(exists(need.path), fmt::format("module {} (for {})", need.module, need.purpose),
                                 fmt::format("module {} is not loaded: needed for {}", need.module, need.purpose),
                                 fmt::format("modprobe {}", need.module), need.otherwise));
}

void look_at_daemons(Context& context, std::vector<Finding>& findings) {
    auto store = context.session.store();
    bool answers = store && (*store)->get("/local/domain/0/name");
    findings.push_back(check(answers, "xenstored answers", "xenstored does not answer",
                             "start it (systemctl start xenstored, or xenstored), then xen-init-dom0"));
    findings.push_back(check(runs("xenconsoled"), "xenconsoled runs", "xenconsoled does not run",
                             "start it: systemctl start xenconsoled, or xenconsoled"));
    findings.push_back(check(exists("/etc/xen/scripts/block") && exists("/etc/xen/scripts/vif-bridge"),
                             "hotplug scripts are installed", "there are no hotplug scripts in /etc/xen/scripts",
                             "apt install xen-utils-common", Health::weak));
}

/// Mends what is half done, sees to the watcher, and names the guests that nobody will start again without help.
void look_at_life(Context& context, std::vector<Finding>& findings) {
    constexpr std::int64_t patience_s = 120;
    for (auto& mended : domain::mend_remains(context.session)) {
        if (mended.done) findings.push_back({Health::weak, mended.what + ": mended", {}});
        else
            findings.push_back({Health::bad, fmt::format("{}: {}", mended.what, mended.done.error().what),
                                mended.done.error().remedy});
    }
    for (auto id : domain::stale_domains(context.session).value_or(std::vector<domain::DomId>{})) {
        domain::sweep_traces(context.session, id);
        findings.push_back({Health::weak, fmt::format("domain {} is gone and had left nodes: removed", id.value), {}});
    }
    auto watcher = domain::watcher_state();
    if (!watcher.runs) {
        domain::ensure_watcher_if_needed(context.session);
        if (domain::watcher_state().runs)
            findings.push_back({Health::weak, "the watcher did not run: started", "run it as a service: xl watchd -F"});
        else findings.push_back({Health::good, "the watcher is not needed yet", {}});
    } else {
        findings.push_back(check(
            watcher.silent_s < patience_s, "the watcher runs",
            fmt::format("the watcher (process {}) has not shown itself for {} s", watcher.process, watcher.silent_s),
            fmt::format("see /var/log/xen/xl-watchd.log; kill {} && xl watchd", watcher.process)));
    }
    for (auto& restart : domain::restarts())
        findings.push_back({restart.failures ? Health::weak : Health::good, domain::describe(restart),
                            restart.failures ? fmt::format("xl destroy {} calls it off", restart.name) : ""});
    auto store = context.session.store();
    auto domains = domain::list(context.session);
    if (!store || !domains) return;
    for (auto& entry : *domains)
        if (auto why = (*store)->get(domain::given_up_path(entry.id())))
            findings.push_back({Health::weak, fmt::format("guest '{}': {}", entry.name, *why),
                                fmt::format("xl destroy {0}, then xl create it again", entry.name)});
}

void look_at_network(std::vector<Finding>& findings) {
    std::string bridges;
    auto dir = opendir("/sys/class/net");
    while (auto entry = dir ? readdir(dir) : nullptr)
        if (exists(fmt::format("/sys/class/net/{}/bridge", entry->d_name)))
            bridges += fmt::format("{}{}", bridges.empty() ? "" : ", ", entry->d_name);
    if (dir) closedir(dir);
    findings.push_back(check(!bridges.empty(), "bridges: " + bridges, "there is no bridge for the guests' network",
                             "ip link add xenbr0 type bridge && ip link set xenbr0 up", Health::weak));
    if (!bridges.empty())
        findings.push_back(check(exists("/sys/class/net/xenbr0/bridge"), "xenbr0, the default bridge, exists",
                                 "there is no xenbr0, the default bridge",
                                 "name yours in vif=, or set vif.default.bridge in /etc/xen/xl.conf", Health::weak));
}

void look_at_space(std::vector<Finding>& findings) {
    for (auto path : {"/var/lib/xen", "/var/log/xen"}) {
        struct statvfs space{};
        bool there = statvfs(path, &space) == 0;
        auto mib = there ? space.f_bavail * space.f_frsize >> 20 : 0;
        findings.push_back(
            check(there && mib >= 16, fmt::format("{}: {} MiB free", path, mib),
                  there ? fmt::format("{}: only {} MiB free", path, mib) : fmt::format("{} does not exist", path),
                  there ? "make room" : fmt::format("mkdir -p {}", path), Health::weak));
    }
}

} // namespace

Result<int> run_doctor(Context& context, const Words& words) {
    std::vector<Finding> findings;
    look_at_hypervisor(context, findings);
    look_at_modules(findings);
    look_at_daemons(context, findings);
    look_at_life(context, findings);
    look_at_network(findings);
    look_at_space(findings);
    constexpr std::string_view marks[] = {"ok   ", "weak ", "BAD  "}, names[] = {"good", "weak", "bad"};
    Rows rows;
    unsigned bad = 0, weak = 0;
    for (auto& finding : findings) {
        auto index = static_cast<std::size_t>(finding.health);
        bad += finding.health == Health::bad;
        weak += finding.health == Health::weak;
        if (words.has('J')) {
            rows.row().text("health", names[index]).text("what", finding.what).text("remedy", finding.remedy);
            continue;
        }
        out("{}{}\n", marks[index], finding.what);
        if (!finding.remedy.empty()) out("       -> {}\n", finding.remedy);
    }
    if (words.has('J')) out("{}", rows.print());
    else if (bad) out("{} thing{} must be repaired before guests can run\n", bad, bad == 1 ? "" : "s");
    else out("guests can run{}\n", weak ? ", with what is weak above in mind" : "");
    return bad ? exit_bad : exit_good;
}

} // namespace xl
