// SPDX-License-Identifier: Apache-2.0
// Creation of a domain: the hypervisor's half.
#include "domain/create.hpp"

#include "base/checkpoint.hpp"
#include "base/in_child.hpp"
#include "base/stop_signal.hpp"
#include "base/text.hpp"
#include "base/timing.hpp"
#include "domain/config_json.hpp"
#include "domain/destroy.hpp"
#include "domain/domains.hpp"
#include "domain/life/remains.hpp"
#include "domain/room.hpp"
#include "domain/userdata.hpp"
#include "image/pv_build.hpp"
#include "xen/hvm.hpp"
#include "xen/memory.hpp"
#include "xen/rights.hpp"
#include "xen/sysctl.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

namespace domain {

namespace {

constexpr std::uint64_t limit_slack_kib = 1024; ///< as libxl: room for pages that the tools map in
constexpr std::uint32_t default_event_channels = 1023;
constexpr unsigned tries_for_id = 64; ///< a random id may be taken
constexpr std::uint64_t overhead_kib =
    1024; ///< beside the guest's own memory: what the hypervisor needs while it builds
constexpr std::string_view kernel_cache = "/var/cache/proxenos/kernels";

/// Machine frames of a guest's rings.
struct Rings {
    xen::Frame store_ring, console_ring;
};

template <class T> void fill_random(T& bytes) {
    // Small requests are served whole once the pool is up, which it is long before any tool runs.
    if (getrandom(&bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) bytes = T{};
}

/// A domain that the hypervisor refuses as an invalid one, of a configuration with limits of grants.
std::unexpected<Failure> too_many_grants(const config::DomainConfig& config) {
    std::string asked;
    if (config.max_grant_frames) asked += fmt::format(" max_grant_frames={}", *config.max_grant_frames);
    if (config.max_maptrack_frames) asked += fmt::format(" max_maptrack_frames={}", *config.max_maptrack_frames);
    return fail("the hypervisor refuses to create it: Invalid argument: it may allow less than" + asked,
                "leave that away, or raise its own limits: gnttab_max_frames= on its command line");
}

} // namespace

const Creation::Named Creation::all_steps[] = {
    {"check the host", &Creation::check_host},
    {"load the kernel", &Creation::load_images},
    {"create the domain", &Creation::create},
    {"set its limits", &Creation::set_limits},
    {"place its CPUs", &Creation::set_placement},
    {"write its xenstore nodes", &Creation::write_skeleton},
    {"open event channels", &Creation::open_channels},
    {"find its memory", &Creation::find_memory},
    {"build its memory", &Creation::build},
    {"introduce it", &Creation::introduce},
    {"attach its devices", &Creation::attach_devices},
    {"keep its configuration", &Creation::keep_config},
    {"wait for its console", &Creation::await_console},
    {"start it", &Creation::start},
};

std::vector<std::string_view> Creation::steps() {
    std::vector<std::string_view> out;
    for (auto& step : all_steps) out.push_back(step.name);
    return out;
}

Creation::Creation(Session& session, config::DomainConfig config, CreateOptions options)
    : session_(session), config_(std::move(config)), options_(std::move(options)) {}

Creation::~Creation() { undo_all(); }

void Creation::undo_all() {
    if (undo_.empty()) return;
    toolstack::StopShield shield; // Ctrl-C once more, or ten times, does not stop what undoes
    while (!undo_.empty()) {
        auto last = std::move(undo_.back());
        undo_.pop_back();
        last();
    }
}

Result<DomId> Creation::run() {
    toolstack::StopSignals stop; // Ctrl-C ends the creation, so that it is undone in order
    for (auto& [name, step] : all_steps) {
        if (options_.progress) options_.progress(name);
        auto done = (this->*step)();
        toolstack::mark_time(name);
        if (done) done = toolstack::checkpoint(name);
        if (done) continue;
        undo_all();
        return std::unexpected(in(fmt::format("guest '{}'", config_.name), std::move(done).error()));
    }
    undo_.clear();
    maker_.reset();
    return id_;
}

/// Refuses a UUID that a domain has which is there, or (before the names' lock, `others`) on its way. A dying one has
/// none any more.
Result<void> Creation::check_uuid(store::Client& client, bool others) {
    for (auto& entry : TRY(list(session_))) {
        if (entry.id() == id_ || entry.uuid() != uuid_ || entry.has(abi::dominf_dying)) continue;
        // Under the lock one that has no nodes yet gives way, or two would refuse each other.
        if (!others && !client.get(path_of(entry.id()) + "/vm")) continue;
        if (is_mended(entry.id())) continue;
        return fail(fmt::format("domain {} has this UUID already", entry.info.domain),
                    "leave uuid= away, or destroy that domain");
    }
    return {};
}

Result<void> Creation::check_host() {
    if (config_.type == config::GuestType::hvm)
        return fail("guests of type hvm are not supported yet",
                    "use type=\"pv\", or \"pvh\" where the hypervisor offers it (xl info virt_caps)");
    if (config_.wants_pci)
        return fail("pci: giving devices to guests is not supported", "leave pci= away, or start it with pci='[]'");
    for (auto& vif : config_.vifs)
        if (vif.emulated)
            return fail("vif: type=ioemu is an emulated card, which only HVM guests have", "leave type= away");
    TRY(check_name(*TRY(session_.store())));
    if (config_.uuid) {
        uuid_ = *config_.uuid;
        TRY(check_uuid(*TRY(session_.store()), true));
    } else {
        std::array<std::uint8_t, 16> random{};
        fill_random(random);
        uuid_ = config::make_uuid(random);
    }
    for (auto& vif : config_.vifs) {
        if (vif.mac) continue;
        std::uint32_t random = 0;
        fill_random(random);
        vif.mac = config::make_mac(random);
    }
    if (is_pvh())
        TRY(check_hardware(TRY(or_fail(xen::physical_info(*TRY(session_.xen())), "cannot examine the host"))));
    auto there = TRY(room(session_));
    if (config_.memory_kib > there.free + there.from_domain_0)
        return fail(
            fmt::format("it needs {} MiB, but the host has {} MiB free", config_.memory_kib >> 10, there.free >> 10),
            "give it less memory, or take some from domain 0: xl mem-set 0 ...");
    return {};
}

Result<void> Creation::run_bootloader() {
    boot::Request request{
        config_.bootloader, config_.bootloader_args, config_.kernel, config_.ramdisk, config_.command_line, {}, {}};
    auto& settings = *TRY(session_.settings());
    if (settings.bootloader_restrict) request.confined = TRY(boot::find_user(settings.bootloader_user));
    auto disk = std::ranges::find_if(config_.disks, [](auto& each) { return !each.cdrom && !each.target.empty(); });
    if (disk == config_.disks.end())
        return fail("a boot loader needs a disk to look into", "add disk=, or give kernel= without bootloader=");
    if (!disk->backend_domain.empty() || disk->format != config::Format::raw)
        return fail(fmt::format("the boot loader cannot look into disk '{}'", disk->vdev),
                    "it must be raw and domain 0's");
    request.disk = disk->target;
    request.show = options_.show_bootloader;
    choice_ = TRY(boot::run(request));
    return {};
}

Result<void> Creation::load_images() {
    if (!config_.bootloader.empty()) TRY(run_bootloader());
    auto& ramdisk = choice_ ? choice_->ramdisk : config_.ramdisk;
    command_line_ = choice_ ? choice_->command_line : config_.command_line;
    // A loader's files have new names each time: their unpacked images would only fill the cache.
    kernel_ = choice_ ? TRY(image::load_kernel(choice_->kernel))
                      : TRY(image::load_kernel(config_.kernel, std::string(kernel_cache)));
    if (!ramdisk.empty()) ramdisk_ = TRY(image::File::open("ramdisk", ramdisk));
    // Also checked before anything exists: whether it all fits, and whether the devices can be made.
    if (is_pvh()) TRY(image::plan_pvh(*kernel_, ramdisk_ ? &*ramdisk_ : nullptr, pvh_request(config_.memory_kib / 4)));
    else TRY(image::layout_pv(kernel_->elf(), ramdisk_ ? ramdisk_->view().size() : 0, config_.memory_kib / 4));
    return prepare_devices();
}

DomId Creation::next_id() {
    auto settings = session_.settings();
    if (!settings || !(*settings)->random_ids) return {}; // the hypervisor chooses
    std::uint16_t random = 0;
    fill_random(random);
    return {static_cast<abi::domid_t>(1 + random % (abi::first_reserved - 1))};
}

Result<void> Creation::create() {
    auto& control = *TRY(session_.xen());
    auto host = TRY(or_fail(xen::physical_info(control), "cannot examine the host"));
    abi::DomctlCreateDomain request{};
    std::copy(uuid_.bytes.begin(), uuid_.bytes.end(), request.handle);
    if (is_pvh()) {
        request.flags = abi::cdf_hvm | (config_.hardware.hap ? abi::cdf_hap : 0);
        request.arch.emulation_flags = abi::emu_lapic;
    }
    request.max_vcpus = config_.max_vcpus;
    request.max_evtchn_port = config_.max_event_channels.value_or(default_event_channels);
    request.max_grant_frames = config_.max_grant_frames ? static_cast<std::int32_t>(*config_.max_grant_frames) : -1;
    request.max_maptrack_frames =
        config_.max_maptrack_frames ? static_cast<std::int32_t>(*config_.max_maptrack_frames) : -1;
    request.grant_opts = config_.max_grant_version.value_or(host.capabilities & abi::physcap_gnttab_v2 ? 2 : 1);
    maker_.emplace(TRY(host::Maker::begin(fmt::format("create {}", config::print(uuid_)))));
    auto created = xen::create_domain(control, request, next_id());
    for (unsigned i = 0; !created && created.error().code == EEXIST && i < tries_for_id; ++i)
        created = xen::create_domain(control, request, next_id());
    if (!created && created.error().code == EINVAL && (config_.max_grant_frames || config_.max_maptrack_frames))
        return too_many_grants(config_);
    id_ = TRY(or_fail(std::move(created), "the hypervisor refuses to create it"));
    undo_.push_back([this, &control] {
        // Grant mappings of daemons keep a domain's pages; the nodes go first so that they let go.
        auto removed = named_ ? remove_traces(session_, id_, "/vm/" + config::print(uuid_)) : Result<void>{};
        remove_userdata(id_, uuid_);
        auto gone = end_domain(control, id_);
        if (maker_ && (!removed || !gone)) maker_->leave_behind();
        maker_.reset();
        await_end(session_, id_);
    });
    return maker_->note(fmt::format("create {} {}", config::print(uuid_), id_.value));
}

Result<void> Creation::set_rights(xen::Control& control) {
    for (auto& run : config_.rights.ports)
        TRY(or_fail(xen::allow_ports(control, id_, static_cast<std::uint32_t>(run.first),
                                     static_cast<std::uint32_t>(run.count)),
                    fmt::format("cannot give it the I/O ports from {:#x} on", run.first)));
    for (auto& run : config_.rights.frames)
        TRY(or_fail(xen::allow_frames(control, id_, run.first, run.count),
                    fmt::format("cannot give it the machine memory from frame {:#x} on", run.first)));
    for (auto number : config_.rights.interrupts)
        TRY(or_fail(xen::allow_interrupt(control, id_, number), fmt::format("cannot give it interrupt {}", number)));
    return {};
}

Result<void> Creation::set_cpuid(xen::Control& control) {
    if (config_.cpuid.empty()) return {};
    auto policy = TRY(or_fail(xen::cpu_policy(control, id_), "cannot read the CPU that it would see"));
    auto host = TRY(or_fail(xen::host_cpu_policy(control), "cannot read the host's CPU"));
    auto find = [](xen::CpuPolicy& in, const config::CpuidLeaf& leaf) {
        return std::ranges::find_if(in.leaves, [&](auto& each) {
            return each.leaf == leaf.leaf &&
                   each.subleaf == leaf.subleaf.value_or(each.subleaf == 0 ? 0 : abi::cpuid_no_subleaf);
        });
    };
    for (auto& change : config_.cpuid) {
        auto own = find(policy, change), whole = find(host, change);
        if (own == policy.leaves.end())
            return fail(fmt::format("cpuid: a guest has no leaf {:#x} on this CPU", change.leaf), "leave it away");
        std::uint32_t* values[] = {&own->a, &own->b, &own->c, &own->d};
        const abi::CpuidLeaf nothing{};
        auto& has = whole == host.leaves.end() ? nothing : *whole;
        const std::uint32_t limits[] = {has.a, has.b, has.c, has.d};
        for (std::size_t i = 0; i < std::size(values); ++i)
            *values[i] = config::apply_bits(change.registers[i], *values[i], limits[i]);
    }
    return or_fail(xen::set_cpu_policy(control, id_, policy), "cannot give it the CPU that cpuid= asks for");
}

Result<void> Creation::set_limits() {
    auto& control = *TRY(session_.xen());
    TRY(or_fail(xen::set_max_vcpus(control, id_, config_.max_vcpus),
                fmt::format("cannot give it {} virtual CPUs", config_.max_vcpus)));
    TRY(or_fail(xen::set_max_memory(control, id_, config_.memory_kib + limit_slack_kib),
                "cannot set its memory limit"));
    if (is_pvh()) TRY(set_paging(control));
    else TRY(or_fail(xen::set_memory_map_limit(control, id_, config_.max_memory_kib), "cannot set its memory map"));
    TRY(or_fail(xen::set_tsc_mode(control, id_, static_cast<unsigned>(config_.tsc_mode)), "cannot set its TSC mode"));
    std::int64_t offset = config_.time_offset;
    if (config_.local_time) {
        auto now = std::time(nullptr);
        std::tm local{};
        localtime_r(&now, &local);
        offset += local.tm_gmtoff;
    }
    if (offset) TRY(or_fail(xen::set_time_offset(control, id_, offset), "cannot set its clock"));
    TRY(set_cpuid(control));
    return set_rights(control);
}

Result<void> Creation::set_affinity(xen::Control& control, const std::vector<config::CpuSet>& sets, bool soft) {
    for (unsigned vcpu = 0; vcpu < sets.size(); ++vcpu) {
        auto map = to_bitmap(sets[vcpu], config::max_cpus);
        TRY(or_fail(xen::set_vcpu_affinity(control, id_, vcpu, soft ? nullptr : &map, soft ? &map : nullptr),
                    fmt::format("cannot place virtual CPU {} on '{}'", vcpu,
                                config::print_ranges(sets[vcpu], config::max_cpus))));
    }
    return {};
}

Result<void> Creation::apply_masks(xen::Control& control) {
    auto mask = TRY(TRY(session_.settings())->allowed_cpus(config_.type == config::GuestType::pv));
    if (mask.all()) return {};
    auto cpus = TRY(or_fail(xen::physical_info(control), "cannot examine the host")).max_cpu_id + 1;
    for (unsigned vcpu = 0; vcpu < config_.max_vcpus; ++vcpu) {
        auto hard =
            to_set(TRY(or_fail(xen::vcpu_affinity(control, id_, vcpu, cpus), "cannot read its placement")).hard) & mask;
        auto map = to_bitmap(hard, cpus);
        if (to_set(map).none())
            return fail(fmt::format("xl.conf's cpumask leaves no CPU to virtual CPU {}", vcpu),
                        "see vm.cpumask in /etc/xen/xl.conf, and cpus=");
        TRY(or_fail(xen::set_vcpu_affinity(control, id_, vcpu, &map, nullptr),
                    fmt::format("cannot place virtual CPU {}", vcpu)));
    }
    return {};
}

Result<void> Creation::set_placement() {
    auto& control = *TRY(session_.xen());
    if (!config_.pool.empty()) {
        auto& client = *TRY(session_.store());
        std::optional<std::uint32_t> pool;
        for (auto& id : client.list("/local/pool").value_or(std::vector<std::string>{}))
            if (client.get("/local/pool/" + id + "/name") == config_.pool)
                pool = static_cast<std::uint32_t>(std::atoi(id.c_str()));
        if (!pool) return fail(fmt::format("there is no CPU pool '{}'", config_.pool), "see xl cpupool-list");
        if (*pool != 0) TRY(or_fail(xen::move_to_pool(control, id_, *pool), "cannot move it to its CPU pool"));
    }
    TRY(resolve_affinity(session_, config_));
    TRY(set_affinity(control, config_.hard_affinity, false));
    TRY(set_affinity(control, config_.soft_affinity, true));
    if (options_.masks) TRY(apply_masks(control));
    if (!config_.weight && !config_.cap) return {};
    auto scheduler = TRY(or_fail(xen::scheduler(control), "cannot read the scheduler"));
    auto value = TRY(or_fail(xen::scheduling(control, id_, scheduler), "cannot read its weight"));
    value.weight = static_cast<std::uint16_t>(config_.weight.value_or(value.weight));
    value.cap = static_cast<std::uint16_t>(config_.cap.value_or(value.cap));
    return or_fail(xen::set_scheduling(control, id_, scheduler, value), "cannot set its weight and cap");
}

Result<void> Creation::open_channels() {
    auto& control = *TRY(session_.xen());
    store_port_ = TRY(or_fail(xen::alloc_unbound(control, id_, xen::domid_zero), "cannot open its xenstore channel"));
    console_port_ = TRY(or_fail(xen::alloc_unbound(control, id_, xen::domid_zero), "cannot open its console channel"));
    return {};
}

Result<void> Creation::find_memory() {
    auto need = config_.memory_kib + overhead_kib + (is_pvh() ? paging_kib() : 0);
    if (TRY(room(session_)).free >= need) return {};
    memory_lock_ = TRY(session_.lock()); // until the memory is ours: two creations must not both count on the same
    auto borrowed = TRY(make_room(session_, need));
    if (borrowed) undo_.push_back([this, before = *borrowed] { give_back(session_, before); });
    return {};
}

Result<void> Creation::build() {
    auto& control = *TRY(session_.xen());
    auto pages = config_.memory_kib / 4;
    if (options_.claim) TRY(or_fail(xen::claim_pages(control, id_, pages), "the host has not enough memory"));
    if (options_.claim) memory_lock_.reset();
    // In a child: before the guest starts nobody else may have its memory mapped writable, or it could not make page
    // tables of it, and the end of a process unmaps at a tenth of what a PV dom0 pays for munmap(), which is a trap for
    // each page.
    auto ramdisk = ramdisk_ ? &*ramdisk_ : nullptr;
    auto built = toolstack::in_child<Rings>([&]() -> Result<Rings> {
        xen::HypercallMemory::forget_cached();
        auto rings = [](auto built) { // its windows stay open to the child's end
            auto& kept = *new auto(std::move(built));
            return Rings{kept.store_ring, kept.console_ring};
        };
        if (is_pvh()) return rings(TRY(image::build_pvh(control, *kernel_, ramdisk, pvh_request(pages))));
        image::PvRequest request{id_, pages, config_.max_vcpus, command_line_, store_port_, console_port_, {}, {}};
        return rings(TRY(image::build_pv(control, *kernel_, ramdisk, request)));
    });
    if (options_.claim) (void)xen::claim_pages(control, id_, 0);
    memory_lock_.reset(); // the devices' disks are looked for under the same one
    if (!built) return std::unexpected(std::move(built).error());
    store_ring_ = built->store_ring;
    console_ring_ = built->console_ring;
    kernel_.reset(); // the images are in the guest now
    ramdisk_.reset();
    choice_.reset();
    return {};
}

Result<void> Creation::start() {
    if (options_.before_start) options_.before_start(id_);
    if (options_.still_wanted) TRY(options_.still_wanted());
    if (options_.paused) return {};
    // From here on it is whole: who finds it after our death starts it.
    TRY(maker_->note(fmt::format("start {} {}", config::print(uuid_), id_.value)));
    return or_fail(xen::unpause_domain(*TRY(session_.xen()), id_), "cannot start it");
}

} // namespace domain
