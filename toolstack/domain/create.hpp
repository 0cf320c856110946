// SPDX-License-Identifier: Apache-2.0
// Creation of a domain as one explicit object: steps in order, each with what undoes it, one way out.
#pragma once

#include "boot/bootloader.hpp"
#include "config/domain_config.hpp"
#include "domain/device.hpp"
#include "domain/session.hpp"
#include "domain/stored_config.hpp"
#include "host/maker.hpp"
#include "image/kernel.hpp"
#include "image/pvh_build.hpp"
#include "xen/memory.hpp"
#include "xen/sysctl.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace domain {

/// How to create.
struct CreateOptions {
    bool paused = false;                   ///< leave it paused
    std::vector<config::Setting> settings; ///< what is kept for restarts, each key once; empty: nothing is kept
    unsigned quick = 0;                    ///< Kept::quick
    bool claim = true;                     ///< reserve the memory first, so that two creations do not race for it
    bool masks = true;                     ///< apply xl.conf's CPU masks
    bool watched = true;                   ///< the watcher handles its life-cycle actions
    std::function<void(std::string_view)> progress;    ///< told of each step, if set
    std::function<void(int terminal)> show_bootloader; ///< shows a boot loader's terminal until it ends, if set
    std::function<Result<void>()> still_wanted;        ///< asked before the start, if set: a failure undoes it all
    /// Called when everything but the start is done: the console can be attached now.
    std::function<void(DomId)> before_start;
};

/// One creation. run() either leaves a complete domain or leaves nothing.
class Creation {
  public:
    Creation(Session& session, config::DomainConfig config, CreateOptions options);
    ~Creation();
    Creation(const Creation&) = delete;
    Creation& operator=(const Creation&) = delete;

    /// Does all steps; on a failure undoes those done, newest first, and gives the first failure.
    Result<DomId> run();

    /// Names of the steps in order, for tests that make each one fail (environment variable PROXENOS_FAIL_STEP).
    static std::vector<std::string_view> steps();

  private:
    using Step = Result<void> (Creation::*)();
    struct Named {
        std::string_view name;
        Step step;
    };
    static const Named all_steps[];

    Result<void> check_host();
    Result<void> load_images();
    Result<void> create();
    Result<void> set_limits();
    Result<void> set_placement();
    Result<void> write_skeleton();
    Result<void> open_channels();
    Result<void> find_memory();
    Result<void> build();
    Result<void> introduce();
    Result<void> attach_devices();
    Result<void> keep_config();
    Result<void> await_console();
    Result<void> start();

    bool is_pvh() const { return config_.type == config::GuestType::pvh; }
    Result<void> check_hardware(const abi::SysctlPhysinfo& host) const;
    image::PvhRequest pvh_request(std::uint64_t pages) const;
    std::uint64_t paging_kib() const;
    Result<void> set_paging(xen::Control&);
    Result<void> set_rights(xen::Control&);
    Result<void> set_cpuid(xen::Control&);
    Result<void> run_bootloader();
    Result<void> prepare_devices();
    Result<void> check_name(store::Client&);
    Result<void> check_uuid(store::Client&, bool others);
    bool is_mended(DomId holder);
    Result<void> set_affinity(xen::Control&, const std::vector<config::CpuSet>& sets, bool soft);
    Result<void> apply_masks(xen::Control&);
    DomId next_id();
    void undo_all();

    Session& session_;
    config::DomainConfig config_;
    CreateOptions options_;
    config::Uuid uuid_;
    DomId id_;
    std::optional<host::Maker> maker_;   ///< from before the domain exists until it is whole, or nothing is left of it
    bool named_ = false;                 ///< its nodes were written: what stands under its UUID is ours to remove
    std::optional<boot::Choice> choice_; ///< a boot loader's; else what is configured
    std::string command_line_;
    std::optional<image::Kernel> kernel_;
    std::optional<image::File> ramdisk_;
    std::vector<Device> devices_;
    std::optional<host::Lock> memory_lock_;
    xen::Port store_port_, console_port_;
    xen::Frame store_ring_, console_ring_;
    std::vector<std::string> seen_; ///< ids whose names were looked at before anything was made
    std::vector<std::function<void()>> undo_;
};

} // namespace domain
