// SPDX-License-Identifier: Apache-2.0
// The one table of subcommands.
#include "xl/command.hpp"
#include "xl/devices.hpp"
#include "xl/doctor.hpp"
#include "xl/host.hpp"
#include "xl/life.hpp"
#include "xl/listing.hpp"
#include "xl/pools.hpp"
#include "xl/tune.hpp"

namespace xl {
namespace {

constexpr Option json = {'J', "json", nullptr, "Print JSON"};
constexpr Option json_only[] = {json};

constexpr Option list_options[] = {{'l', "long", nullptr, "Whole configurations, as JSON"},
                                   {'v', "verbose", nullptr, "With UUID, reason of the shutdown and security label"},
                                   {'Z', "context", nullptr, "With the security label"},
                                   {'c', "cpupool", nullptr, "With the CPU pool"},
                                   {'n', "numa", nullptr, "With the NUMA nodes that the domain prefers"},
                                   json};
constexpr Option info_options[] = {{'n', "numa", nullptr, "With the CPUs' topology and the NUMA nodes"}, json};
constexpr Option dmesg_options[] = {{'c', nullptr, nullptr, "Empty the log behind it"}};
constexpr Option uptime_options[] = {{'s', nullptr, nullptr, "One line for each domain, like uptime(1)"}, json};
constexpr Option pin_options[] = {{'f', "force", nullptr, "Also where the hypervisor has pinned it for a while"},
                                  {'\1', "ignore-global-affinity-masks", nullptr, "Go past the CPU masks of xl.conf"}};
constexpr Option vcpu_set_options[] = {{'i', "ignore-host", nullptr, "More than the host has CPUs, too"}};
constexpr Option credit_options[] = {
    {'d', "domain", "DOMAIN", "The domain to show or change"},
    {'w', "weight", "WEIGHT", "Its share next to the others' (1 to 65535)"},
    {'c', "cap", "CAP", "The most it gets, in percent of one CPU; 0 is no limit"},
    {'s', "schedparam", nullptr, "Show or change what holds for the whole pool"},
    {'t', "tslice_ms", "TSLICE", "Time slice in milliseconds"},
    {'r', "ratelimit_us", "RLIMIT", "Least time before another may run, in microseconds"},
    {'m', "migration_delay_us", "DLY", "How long caches are thought warm, in microseconds"},
    {'p', "cpupool", "CPUPOOL", "Of this CPU pool alone"},
    json};
constexpr Option credit2_options[] = {
    {'d', "domain", "DOMAIN", "The domain to show or change"},
    {'w', "weight", "WEIGHT", "Its share next to the others' (1 to 65535)"},
    {'c', "cap", "CAP", "The most it gets, in percent of one CPU; 0 is no limit"},
    {'s', "schedparam", nullptr, "Show or change what holds for the whole pool"},
    {'r', "ratelimit_us", "RLIMIT", "Least time before another may run, in microseconds"},
    {'p', "cpupool", "CPUPOOL", "Of this CPU pool alone"},
    json};
constexpr Option pool_options[] = {{'c', "cpus", nullptr, "Their CPUs instead of counts"}, json};

constexpr Option pool_create_options[] = {{'f', "defconfig", "FILE", "The configuration"},
                                          {'n', "dryrun", nullptr, "Show what would be made, and make nothing"}};

constexpr Option create_options[] = {
    {'p', nullptr, nullptr, "Leave it paused"},
    {'c', "console", nullptr, "Join this terminal to its console"},
    {'q', "quiet", nullptr, "Say nothing but errors"},
    {'d', "debug", nullptr, "Taken for scripts' sake; -v in front of the command tells the steps"},
    {'F', "foreground", nullptr, "Stay until its end and act on it here"},
    {'e', nullptr, nullptr, "Let nobody act on its end"},
    {'n', "dryrun", nullptr, "Show what would be made, as JSON, and make nothing"},
    {'f', "defconfig", "FILE", "The configuration"},
    {'V', "vncviewer", nullptr, "Show its VNC display in a viewer"},
    {'A', "vncviewer-autopass", nullptr, "As -V, and hand the viewer the VNC password"},
    {'\1', "ignore-global-affinity-masks", nullptr, "Go past the CPU masks of xl.conf"}};
constexpr Option update_options[] = {
    {'f', "defconfig", "FILE", "The configuration"},
    {'d', nullptr, nullptr, "Taken for scripts' sake; -v in front of the command tells the steps"}};
constexpr Option destroy_options[] = {{'f', nullptr, nullptr, "Taken for scripts' sake: domain 0 is never destroyed"}};
constexpr Option shutdown_options[] = {
    {'a', "all", nullptr, "Every guest"},
    {'F', nullptr, nullptr, "Press its ACPI button if it is an HVM guest that does not listen to xenstore"},
    {'w', "wait", nullptr, "Wait until it is done"}};
constexpr Option reboot_options[] = {
    {'a', "all", nullptr, "Every guest"},
    {'F', nullptr, nullptr, "Reset it if it is an HVM guest that does not listen to xenstore"},
    {'w', "wait", nullptr, "Wait until it is done"}};
constexpr Option console_options[] = {{'t', nullptr, "TYPE", "Kind of console; pv is the only one"},
                                      {'n', "num", "NUMBER", "Number of the console, from 0"}};
constexpr Option viewer_options[] = {{'\1', "autopass", nullptr, "Hand the VNC password to the viewer, with -autopass"},
                                     {'\2', "vncviewer-autopass", nullptr, "As --autopass"}};
constexpr Option detach_options[] = {{'f', "force", nullptr, "Do not wait for the guest to let go"}};
constexpr Option watchd_options[] = {
    {'F', "foreground", nullptr, "Stay in the foreground, as a service does; waits for another watcher's end"},
    {'\1', "act", "WORD",
     "Do what is to be done for one domain that stopped, by its id or UUID: the watcher's own use"}};

constexpr Option top_options[] = {{'b', "batch", nullptr, "Lines instead of a screen, for scripts"},
                                  {'d', "delay", "SECONDS", "Time between two of them (default 3)"},
                                  {'i', "iterations", "NUMBER", "How often (default: for ever)"},
                                  {'f', "full-name", nullptr, "Names are not cut"}};

Result<int> run_help(Context&, const Words& words) {
    if (words.words.empty()) {
        out("{}", overview());
        return exit_good;
    }
    auto command = find_command(words.words[0]);
    if (command) out("{}", usage(**command));
    else out("{}\n  -> {}\n", command.error().what, command.error().remedy);
    return exit_good; // also for an unknown one: as stock
}

constexpr Command table[] = {
    {"create", run_create, Effect::plans, "<ConfigFile> [vars]", "Make and start a guest from its configuration", 0,
     999, create_options, 'f'},
    {"config",
     run_config,
     Effect::reads,
     "check <ConfigFile> [vars]",
     "Check a configuration without making anything, and without a hypervisor",
     1,
     999,
     {},
     'f'},
    {"config-update", run_config_update, Effect::plans, "<Domain> <ConfigFile> [vars]",
     "Replace the configuration that a running domain is made from anew when it reboots", 0, 999, update_options, 'd'},
    {"list", run_list, Effect::reads, "[Domain]", "Show the domains: id, memory, virtual CPUs, state and CPU time", 0,
     99, list_options, 'd'},
    {"destroy", run_destroy, Effect::plans, "<Domain>", "End a domain at once, without asking it", 1, 1,
     destroy_options, 'd'},
    {"shutdown", run_shutdown, Effect::plans, "<-a|Domain>", "Ask a domain to power off", 0, 1, shutdown_options, 'd'},
    {"reboot", run_reboot, Effect::plans, "<-a|Domain>", "Ask a domain to reboot", 0, 1, reboot_options, 'd'},
    {"pause", run_pause, Effect::changes, "<Domain>", "Stop all virtual CPUs of a domain", 1, 1, {}, 'd'},
    {"unpause", run_unpause, Effect::changes, "<Domain>", "Let a paused domain go on", 1, 1, {}, 'd'},
    {"console", run_console, Effect::reads, "<Domain>", "Join this terminal to a domain's console; Ctrl-] leaves it", 1,
     1, console_options, 'd'},
    {"vncviewer", run_vncviewer, Effect::reads, "<Domain>", "Show a domain's VNC display in vncviewer", 1, 1,
     viewer_options, 'd'},
    {"dump-core",
     run_dump_core,
     Effect::plans,
     "<Domain> <filename>",
     "Write a domain's memory and registers to a core file",
     2,
     2,
     {},
     'd'},
    {"mem-max",
     run_mem_max,
     Effect::plans,
     "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>",
     "Set the most memory that a domain may have",
     2,
     2,
     {},
     'd'},
    {"mem-set",
     run_mem_set,
     Effect::plans,
     "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>",
     "Tell a domain how much memory to use from now on",
     2,
     2,
     {},
     'd'},
    {"button-press",
     run_button_press,
     Effect::changes,
     "<Domain> <Button>",
     "Press a domain's ACPI button (old name of trigger)",
     2,
     2,
     {},
     'd'},
    {"vcpu-list", run_vcpu_list, Effect::reads, "[Domain, ...]", "Show virtual CPUs: where they run and where they may",
     0, 99, json_only, 'd'},
    {"vcpu-pin", run_vcpu_pin, Effect::plans, "<Domain> <VCPU|all> <Hard affinity|-|all> <Soft affinity|-|all>",
     "Choose the host CPUs of a virtual CPU", 3, 4, pin_options, 'd'},
    {"vcpu-set", run_vcpu_set, Effect::plans, "<Domain> <vCPUs>", "Set how many virtual CPUs of a domain are online", 2,
     2, vcpu_set_options, 'd'},
    {"vm-list", run_vm_list, Effect::reads, "", "Show UUID, id and name of each domain", 0, 0, json_only},
    {"info", run_info, Effect::reads, "[KEY]", "Show facts about host and hypervisor, or one of them", 0, 1,
     info_options},
    {"sharing", run_sharing, Effect::reads, "[Domain, ...]", "Show how much memory domains share", 0, 99, json_only,
     'd'},
    {"sched-credit", run_sched_credit, Effect::changes, "",
     "Show or change weights, caps and parameters of the credit scheduler", 0, 0, credit_options},
    {"sched-credit2", run_sched_credit2, Effect::changes, "",
     "Show or change weights, caps and parameters of the credit2 scheduler", 0, 0, credit2_options},
    {"domid", run_domid, Effect::reads, "<DomainName>", "Print the id of a domain", 1, 1, {}, 'd'},
    {"domname", run_domname, Effect::reads, "<DomainId>", "Print the name of a domain", 1, 1},
    {"rename", run_rename, Effect::plans, "<Domain> <NewDomainName>", "Give a domain another name", 2, 2, {}, 'd'},
    {"trigger",
     run_trigger,
     Effect::changes,
     "<Domain> <nmi|reset|init|power|sleep|s3resume> [<VCPU>]",
     "Send an event, such as an NMI, to a domain",
     2,
     3,
     {},
     'd'},
    {"sysrq",
     run_sysrq,
     Effect::changes,
     "<Domain> <letter>",
     "Send a magic SysRq letter to a Linux guest",
     2,
     2,
     {},
     'd'},
    {"debug-keys", run_debug_keys, Effect::changes, "<Keys>",
     "Press debug keys of the hypervisor; h lists them in xl dmesg", 1, 1},
    {"dmesg", run_dmesg, Effect::reads, "", "Print the hypervisor's log", 0, 0, dmesg_options},
    {"top", run_top, Effect::reads, "", "Show what every domain uses, again and again", 0, 0, top_options},
    {"network-attach",
     run_network_attach,
     Effect::plans,
     "<Domain> [type=<type>] [mac=<mac>] [bridge=<bridge>] [ip=<ip>] [script=<script>] [backend=<Domain>] "
     "[vifname=<name>] [gatewaydev=<dev>] [rate=<rate>] [mtu=<mtu>] [devid=<number>]",
     "Give a running domain a network interface",
     1,
     99,
     {},
     'd'},
    {"network-list", run_network_list, Effect::reads, "<Domain(s)>", "Show the network interfaces of domains", 1, 99,
     json_only, 'd'},
    {"network-detach", run_network_detach, Effect::changes, "<Domain> <DevId|mac>",
     "Take a network interface from a domain", 2, 2, detach_options, 'd'},
    {"block-attach",
     run_block_attach,
     Effect::plans,
     "<Domain> <disk-spec-component(s)>...",
     "Give a running domain a disk",
     2,
     99,
     {},
     'd'},
    {"block-list", run_block_list, Effect::reads, "<Domain(s)>", "Show the disks of domains", 1, 99, json_only, 'd'},
    {"block-detach", run_block_detach, Effect::changes, "<Domain> <DevId>", "Take a disk from a domain", 2, 2,
     detach_options, 'd'},
    {"uptime", run_uptime, Effect::reads, "[Domain]", "Show how long domains have run", 0, 99, uptime_options, 'd'},
    {"claims", run_claims, Effect::reads, "", "Show memory that domains have claimed and not taken yet", 0, 0,
     json_only},
    {"cpupool-list", run_cpupool_list, Effect::reads, "[CPU Pool]", "Show the CPU pools", 0, 1, pool_options},
    {"cpupool-create", run_cpupool_create, Effect::plans, "[<ConfigFile>] [Variable=value ...]",
     "Make a CPU pool of free CPUs", 0, 99, pool_create_options, 'f'},
    {"cpupool-destroy", run_cpupool_destroy, Effect::changes, "<CPU Pool>",
     "End a CPU pool without domains; its CPUs are free then", 1, 1},
    {"cpupool-rename", run_cpupool_rename, Effect::changes, "<CPU Pool> <new name>", "Give a CPU pool another name", 2,
     2},
    {"cpupool-cpu-add", run_cpupool_cpu_add, Effect::changes, "<CPU Pool> <CPU list>", "Give free CPUs to a CPU pool",
     2, 2},
    {"cpupool-cpu-remove", run_cpupool_cpu_remove, Effect::changes, "<CPU Pool> <CPU list>",
     "Take CPUs from a CPU pool", 2, 2},
    {"cpupool-migrate",
     run_cpupool_migrate,
     Effect::changes,
     "<Domain> <CPU Pool>",
     "Move a domain to another CPU pool",
     2,
     2,
     {},
     'd'},
    {"watchd", run_watchd, Effect::changes, "",
     "Start the host's watcher of life-cycle actions (create does so by itself)", 0, 0, watchd_options},
    {"doctor", run_doctor, Effect::reads, "",
     "Check what guests need on this host, with a remedy for each thing missing", 0, 0, json_only},
    {"completion", run_completion, Effect::reads, "[bash]", "Print the shell completion of xl", 0, 1},
    {"man", run_man, Effect::reads, "<xl|xl.cfg|xl.conf>", "Print a man page made from the tables that xl works by", 1,
     1},
    {"help", run_help, Effect::reads, "[command]", "Show this list, or the usage of a command", 0, 1},
};

} // namespace

std::span<const Command> commands() { return table; }

} // namespace xl
