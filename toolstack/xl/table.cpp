// SPDX-License-Identifier: Apache-2.0
// The one table of subcommands.
#include "xl/command.hpp"
#include "xl/devices.hpp"
#include "xl/doctor.hpp"
#include "xl/host.hpp"
#include "xl/life.hpp"
#include "xl/listing.hpp"
#include "xl/tune.hpp"

namespace xl {
namespace {

constexpr Option json = {'J', "json", nullptr, "Print JSON"};
constexpr Option json_only[] = {json};

constexpr Option list_options[] = {{'l', "long", nullptr, "Output all VM details"},
                                   {'v', "verbose", nullptr, "Prints out UUIDs and security context"},
                                   {'Z', "context", nullptr, "Prints out security context"},
                                   {'c', "cpupool", nullptr, "Prints the cpupool the domain is in"},
                                   {'n', "numa", nullptr, "Prints out NUMA node affinity"},
                                   json};
constexpr Option info_options[] = {{'n', "numa", nullptr, "List host NUMA topology information"}, json};
constexpr Option dmesg_options[] = {{'c', nullptr, nullptr, "Clear dmesg buffer as well as printing it"}};
constexpr Option uptime_options[] = {{'s', nullptr, nullptr, "Print short value"}, json};
constexpr Option pin_options[] = {{'f', "force", nullptr, "Force affinity even in non-canonical situations"},
                                  {'\1', "ignore-global-affinity-masks", nullptr, "Ignore global masks in xl.conf"}};
constexpr Option vcpu_set_options[] = {
    {'i', "ignore-host", nullptr, "Don't limit the vcpu based on the host CPU count"}};
constexpr Option credit_options[] = {{'d', "domain", "DOMAIN", "Domain to modify"},
                                     {'w', "weight", "WEIGHT", "Weight (int)"},
                                     {'c', "cap", "CAP", "Cap (int)"},
                                     {'s', "schedparam", nullptr, "Query / modify scheduler parameters"},
                                     {'t', "tslice_ms", "TSLICE", "Set the timeslice, in milliseconds"},
                                     {'r', "ratelimit_us", "RLIMIT", "Set the scheduling rate limit, in microseconds"},
                                     {'m', "migration_delay_us", "DLY", "Set the migration delay, in microseconds"},
                                     {'p', "cpupool", "CPUPOOL", "Restrict output to CPUPOOL"},
                                     json};
constexpr Option credit2_options[] = {{'d', "domain", "DOMAIN", "Domain to modify"},
                                      {'w', "weight", "WEIGHT", "Weight (int)"},
                                      {'c', "cap", "CAP", "Cap (int)"},
                                      {'s', "schedparam", nullptr, "Query / modify scheduler parameters"},
                                      {'r', "ratelimit_us", "RLIMIT", "Set the scheduling rate limit, in microseconds"},
                                      {'p', "cpupool", "CPUPOOL", "Restrict output to CPUPOOL"},
                                      json};
constexpr Option pool_options[] = {{'c', "cpus", nullptr, "Output list of CPUs used by a pool"}, json};

constexpr Option create_options[] = {
    {'p', nullptr, nullptr, "Leave the domain paused after it is created"},
    {'c', "console", nullptr, "Connect to the console after the domain is created"},
    {'q', "quiet", nullptr, "Quiet"},
    {'d', "debug", nullptr, "Enable debug messages"},
    {'F', "foreground", nullptr, "Run in foreground until death of the domain"},
    {'e', nullptr, nullptr, "Do not wait in the background for the death of the domain"},
    {'n', "dryrun", nullptr, "Dry run: prints the resulting configuration"},
    {'f', "defconfig", "FILE", "Use the given configuration file"},
    {'V', "vncviewer", nullptr, "Connect to the VNC display after the domain is created"},
    {'A', "vncviewer-autopass", nullptr, "Pass VNC password to viewer via stdin"},
    {'\1', "ignore-global-affinity-masks", nullptr, "Ignore global masks in xl.conf"}};
constexpr Option update_options[] = {{'f', "defconfig", "FILE", "Use the given configuration file"},
                                     {'d', nullptr, nullptr, "Enable debug messages"}};
constexpr Option destroy_options[] = {
    {'f', nullptr, nullptr, "Permit destroying domain 0, which will only succeed if it is not running"}};
constexpr Option shutdown_options[] = {
    {'a', "all", nullptr, "Shutdown all guest domains"},
    {'F', nullptr, nullptr, "Fallback to ACPI power event for HVM guests with no PV drivers"},
    {'w', "wait", nullptr, "Wait for guest(s) to shutdown"}};
constexpr Option reboot_options[] = {
    {'a', "all", nullptr, "Reboot all guest domains"},
    {'F', nullptr, nullptr, "Fallback to ACPI reset event for HVM guests with no PV drivers"},
    {'w', "wait", nullptr, "Wait for guest(s) to shutdown"}};
constexpr Option console_options[] = {{'t', nullptr, "TYPE", "Console type, protocol used by the console: pv"},
                                      {'n', "num", "NUMBER", "Console number"}};
constexpr Option detach_options[] = {{'f', "force", nullptr, "Do not wait for the guest to let go"}};
constexpr Option watchd_options[] = {{'F', "foreground", nullptr, "Stay in the foreground"}};

constexpr Option top_options[] = {{'b', "batch", nullptr, "Output in batch mode, no user input accepted"},
                                  {'d', "delay", "SECONDS", "Seconds between updates (default 3)"},
                                  {'i', "iterations", "NUMBER", "Number of updates to print"},
                                  {'f', "full-name", nullptr, "Output the full domain name"}};

Result<int> run_help(Context&, const Words& words) {
    if (words.words.empty()) out("{}", overview());
    else out("{}", usage(*TRY(find_command(words.words[0]))));
    return exit_good;
}

constexpr Command table[] = {
    {"create", run_create, "<ConfigFile> [vars]", "Create a domain from config file <filename>", 0, 999, create_options,
     'f'},
    {"config-update", run_config_update, "<Domain> <ConfigFile> [vars]",
     "Update a running domain's saved configuration, used when rebuilding the domain after reboot", 1, 999,
     update_options, 'd'},
    {"list", run_list, "[Domain]", "List information about all/some domains", 0, 99, list_options, 'd'},
    {"destroy", run_destroy, "<Domain>", "Terminate a domain immediately", 1, 1, destroy_options, 'd'},
    {"shutdown", run_shutdown, "<-a|Domain>", "Issue a shutdown signal to a domain", 0, 1, shutdown_options, 'd'},
    {"reboot", run_reboot, "<-a|Domain>", "Issue a reboot signal to a domain", 0, 1, reboot_options, 'd'},
    {"pause", run_pause, "<Domain>", "Pause execution of a domain", 1, 1, {}, 'd'},
    {"unpause", run_unpause, "<Domain>", "Unpause a paused domain", 1, 1, {}, 'd'},
    {"console", run_console, "<Domain>", "Attach to domain's console", 1, 1, console_options, 'd'},
    {"dump-core", run_dump_core, "<Domain> <filename>", "Core dump a domain", 2, 2, {}, 'd'},
    {"mem-max",
     run_mem_max,
     "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>",
     "Set the maximum amount reservation for a domain",
     2,
     2,
     {},
     'd'},
    {"mem-set",
     run_mem_set,
     "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>",
     "Set the current memory usage for a domain",
     2,
     2,
     {},
     'd'},
    {"button-press",
     run_button_press,
     "<Domain> <Button>",
     "Indicate an ACPI button press to the domain",
     2,
     2,
     {},
     'd'},
    {"vcpu-list", run_vcpu_list, "[Domain, ...]", "List the VCPUs for all/some domains", 0, 99, json_only, 'd'},
    {"vcpu-pin", run_vcpu_pin, "<Domain> <VCPU|all> <Hard affinity|-|all> <Soft affinity|-|all>",
     "Set which CPUs a VCPU can use", 3, 4, pin_options, 'd'},
    {"vcpu-set", run_vcpu_set, "<Domain> <vCPUs>", "Set the number of active VCPUs allowed for the domain", 2, 2,
     vcpu_set_options, 'd'},
    {"vm-list", run_vm_list, "", "List guest domains, excluding dom0, stubdoms, etc.", 0, 0, json_only},
    {"info", run_info, "[KEY]", "Get information about Xen host", 0, 1, info_options},
    {"sharing", run_sharing, "[Domain]", "Get information about page sharing", 0, 1, json_only, 'd'},
    {"sched-credit", run_sched_credit, "", "Get/set credit scheduler parameters", 0, 0, credit_options},
    {"sched-credit2", run_sched_credit2, "", "Get/set credit2 scheduler parameters", 0, 0, credit2_options},
    {"domid", run_domid, "<DomainName>", "Convert a domain name to domain id", 1, 1, {}, 'd'},
    {"domname", run_domname, "<DomainId>", "Convert a domain id to domain name", 1, 1},
    {"rename", run_rename, "<Domain> <NewDomainName>", "Rename a domain", 2, 2, {}, 'd'},
    {"trigger",
     run_trigger,
     "<Domain> <nmi|reset|init|power|sleep|s3resume> [<VCPU>]",
     "Send a trigger to a domain",
     2,
     3,
     {},
     'd'},
    {"sysrq", run_sysrq, "<Domain> <letter>", "Send a sysrq to a domain", 2, 2, {}, 'd'},
    {"debug-keys", run_debug_keys, "<Keys>", "Send debug keys to Xen", 1, 1},
    {"dmesg", run_dmesg, "", "Read and/or clear dmesg buffer", 0, 0, dmesg_options},
    {"top", run_top, "", "Monitor a host and the domains in real time", 0, 0, top_options},
    {"network-attach",
     run_network_attach,
     "<Domain> [type=<type>] [mac=<mac>] [bridge=<bridge>] [ip=<ip>] [script=<script>] ...",
     "Create a new virtual network device",
     1,
     99,
     {},
     'd'},
    {"network-list", run_network_list, "<Domain(s)>", "List virtual network interfaces for a domain", 1, 99, json_only,
     'd'},
    {"network-detach", run_network_detach, "<Domain> <DevId|mac>", "Destroy a domain's virtual network device", 2, 2,
     detach_options, 'd'},
    {"block-attach",
     run_block_attach,
     "<Domain> <disk-spec-component(s)>...",
     "Create a new virtual block device",
     2,
     99,
     {},
     'd'},
    {"block-list", run_block_list, "<Domain(s)>", "List virtual block devices for a domain", 1, 99, json_only, 'd'},
    {"block-detach", run_block_detach, "<Domain> <DevId>", "Destroy a domain's virtual block device", 2, 2,
     detach_options, 'd'},
    {"uptime", run_uptime, "[Domain]", "Print uptime for all/some domains", 0, 99, uptime_options, 'd'},
    {"claims", run_claims, "", "List outstanding claim information about all domains", 0, 0, json_only},
    {"cpupool-list", run_cpupool_list, "[CPU Pool]", "List CPU pools on host", 0, 1, pool_options},
    {"watchd", run_watchd, "", "Start the host's watcher of life-cycle actions (create does so by itself)", 0, 0,
     watchd_options},
    {"doctor", run_doctor, "", "Check what guests need on this host, with a remedy for each thing missing", 0, 0,
     json_only},
    {"completion", run_completion, "[bash]", "Print the shell completion of xl", 0, 1},
    {"man", run_man, "<xl|xl.cfg>", "Print a man page made from the tables that xl works by", 1, 1},
    {"help", run_help, "[command]", "Show this list, or the usage of a command", 0, 1},
};

} // namespace

std::span<const Command> commands() { return table; }

} // namespace xl
