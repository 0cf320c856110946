// SPDX-License-Identifier: Apache-2.0
// What the hypervisor's primitives cost, from dom0's user space through /dev/xen/*. Arguments: the rows
// wanted.
#include <cstdlib>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi/hypercall.hpp"
#include "abi/linux/devices.hpp"
#include "abi/sysctl.hpp"
#include "abi/xenstore.hpp"
#include "measure.hpp"

namespace {

namespace device = abi::device;
constexpr size_t page_size = 4096;

int open_or_end(const char* name) {
    const int file = open(name, O_RDWR | O_CLOEXEC);
    if (file < 0) std::perror(name), std::exit(1);
    return file;
}

int privcmd() {
    static const int file = open_or_end("/dev/xen/privcmd");
    return file;
}

long hypercall(uint64_t number, uint64_t first = 0, uint64_t second = 0) {
    device::PrivcmdHypercall call = {number, {first, second, 0, 0, 0}};
    return ioctl(privcmd(), device::privcmd_hypercall, &call);
}

/// An ioctl that the driver refuses at once.
double bare_ioctl() {
    return bench::per_call(1000, [] { ioctl(privcmd(), device::ioctl_number('P', 200, 0)); });
}

double call_net(uint64_t number) {
    return bench::per_call(1000, [=] { hypercall(number); }) - bare_ioctl();
}

double version_call() { return call_net(static_cast<uint64_t>(abi::Hypercall::XenVersion)); }
double unknown_call() { return call_net(47); }

/// Two ports of dom0 joined: send on one, wait for the other, unmask it.
double event_round_trip() {
    const int file = open_or_end("/dev/xen/evtchn");
    device::EvtchnBindUnboundPort bind = {0};
    const int first = ioctl(file, device::evtchn_bind_unbound_port, &bind);
    device::EvtchnBindInterdomain join = {0, static_cast<uint32_t>(first)};
    const int second = ioctl(file, device::evtchn_bind_interdomain, &join);
    if (first < 0 || second < 0) return 0;
    const double cost = bench::per_call(200, [=] {
        device::EvtchnNotify notify = {static_cast<uint32_t>(second)};
        ioctl(file, device::evtchn_notify, &notify);
        uint32_t port = 0;
        (void)!read(file, &port, sizeof port);
        (void)!write(file, &port, sizeof port);
    });
    close(file);
    return cost;
}

/// dom0 maps a page that it granted to itself, touches it and lets it go.
double grant_map() {
    const int giver = open_or_end("/dev/xen/gntalloc"), taker = open_or_end("/dev/xen/gntdev");
    device::GntallocAllocGref grant = {0, device::gntalloc_flag_writable, 1, 0, {0}};
    if (ioctl(giver, device::gntalloc_alloc_gref, &grant)) return 0;
    const auto once = [&] {
        device::GntdevMapGrantRef request = {1, 0, 0, {{0, grant.gref_ids[0]}}};
        if (ioctl(taker, device::gntdev_map_grant_ref, &request)) std::exit(3);
        void* area =
            mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, taker, static_cast<off_t>(request.index));
        if (area == MAP_FAILED) std::exit(4);
        *static_cast<volatile int*>(area) = 1;
        munmap(area, page_size);
        device::GntdevUnmapGrantRef gone = {request.index, 1, 0};
        ioctl(taker, device::gntdev_unmap_grant_ref, &gone);
    };
    return bench::per_call(20, once);
}

double read_store(int file) {
    static const char path[] = "/local/domain/0/domid";
    struct {
        abi::XsdSockmsg head;
        char path[sizeof path];
    } request = {{static_cast<uint32_t>(abi::XenstoreOp::Read), 0, 0, sizeof path}, {}};
    std::memcpy(request.path, path, sizeof path);
    return bench::per_call(50, [&] {
        abi::XsdSockmsg answer;
        char value[64];
        if (write(file, &request, sizeof request.head + sizeof path) < 0) std::exit(5);
        if (read(file, &answer, sizeof answer) != sizeof answer || answer.len > sizeof value) std::exit(6);
        if (answer.len != 0) (void)!read(file, value, answer.len);
    });
}

double store_ring() { return read_store(open_or_end("/dev/xen/xenbus")); }

double store_socket() {
    const int file = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name = {AF_UNIX, "/run/xenstored/socket"};
    if (connect(file, reinterpret_cast<sockaddr*>(&name), sizeof name)) return 0;
    return read_store(file);
}

/// Pages: of the machine, free, of all domains together.
void memory() {
    static abi::Sysctl call;
    static abi::DomctlGetDomainInfo domains[64];
    const auto sysctl = [](abi::SysctlCommand operation) {
        call.cmd = static_cast<uint32_t>(operation);
        call.interface_version = abi::sysctl_interface_version;
        return hypercall(static_cast<uint64_t>(abi::Hypercall::Sysctl), reinterpret_cast<uint64_t>(&call));
    };
    if (sysctl(abi::SysctlCommand::Physinfo)) return;
    bench::report("pages-total", static_cast<double>(call.u.physinfo.total_pages));
    bench::report("pages-free", static_cast<double>(call.u.physinfo.free_pages));
    std::memset(domains, 0, sizeof domains);
    call = {};
    call.u.getdomaininfolist = {0, 64, {reinterpret_cast<uint64_t>(domains)}, 0};
    if (sysctl(abi::SysctlCommand::GetDomainInfoList)) return;
    double pages = 0;
    for (uint32_t i = 0; i < call.u.getdomaininfolist.num_domains && i < 64; ++i)
        pages += static_cast<double>(domains[i].tot_pages);
    bench::report("pages-domains", pages);
}

struct Row {
    const char* name;
    double (*measure)();
};

constexpr Row rows[] = {
    {"hypercall", version_call},
    {"hypercall-unknown", unknown_call},
    {"ioctl", bare_ioctl},
    {"event", event_round_trip},
    {"grant-map", grant_map},
    {"xenstore-ring", store_ring},
    {"xenstore-socket", store_socket},
};

} // namespace

int main(int count, char** arguments) {
    for (const Row& row : rows)
        if (bench::wanted(count, arguments, row.name)) bench::report(row.name, row.measure());
    if (bench::wanted(count, arguments, "memory")) memory();
    return 0;
}
