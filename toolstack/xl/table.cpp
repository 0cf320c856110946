// SPDX-License-Identifier: Apache-2.0
// The one table of subcommands.
#include "xl/command.hpp"
#include "xl/host.hpp"
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
constexpr Option vcpu_set_options[] = {{'i', "ignore-host", nullptr, "Don't limit the vcpu based on the host CPU count"}};
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

Result<int> run_help(Context&, const Words& words) {
    if (words.words.empty()) out("{}", overview());
    else out("{}", usage(*TRY(find_command(words.words[0]))));
    return exit_good;
}

constexpr Command table[] = {
    {"list", run_list, "[Domain]", "List information about all/some domains", 0, 99, list_options, 'd'},
    {"pause", run_pause, "<Domain>", "Pause execution of a domain", 1, 1, {}, 'd'},
    {"unpause", run_unpause, "<Domain>", "Unpause a paused domain", 1, 1, {}, 'd'},
    {"mem-max", run_mem_max, "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>",
     "Set the maximum amount reservation for a domain", 2, 2, {}, 'd'},
    {"mem-set", run_mem_set, "<Domain> <MemMB['b'[bytes]|'k'[KB]|'m'[MB]|'g'[GB]|'t'[TB]]>",
     "Set the current memory usage for a domain", 2, 2, {}, 'd'},
    {"button-press", run_button_press, "<Domain> <Button>", "Indicate an ACPI button press to the domain", 2, 2, {}, 'd'},
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
    {"trigger", run_trigger, "<Domain> <nmi|reset|init|power|sleep|s3resume> [<VCPU>]", "Send a trigger to a domain", 2,
     3, {}, 'd'},
    {"sysrq", run_sysrq, "<Domain> <letter>", "Send a sysrq to a domain", 2, 2, {}, 'd'},
    {"debug-keys", run_debug_keys, "<Keys>", "Send debug keys to Xen", 1, 1},
    {"dmesg", run_dmesg, "", "Read and/or clear dmesg buffer", 0, 0, dmesg_options},
    {"uptime", run_uptime, "[Domain]", "Print uptime for all/some domains", 0, 99, uptime_options, 'd'},
    {"claims", run_claims, "", "List outstanding claim information about all domains", 0, 0, json_only},
    {"cpupool-list", run_cpupool_list, "[CPU Pool]", "List CPU pools on host", 0, 1, pool_options},
    {"help", run_help, "[command]", "Show this list, or the usage of a command", 0, 1},
};

} // namespace

std::span<const Command> commands() { return table; }

} // namespace xl
