// SPDX-License-Identifier: Apache-2.0
// What domains use: CPU, memory, traffic of their interfaces and disks, sampled at one moment.
#pragma once

#include "domain/domains.hpp"

#include <cstdint>
#include <vector>

namespace domain {

/// Sums over a domain's interfaces; seen from the guest. Bytes.
struct NetUse {
    unsigned count = 0;
    std::uint64_t sent = 0, received = 0;
};

/// Sums over a domain's disks, as the block back end counts.
struct DiskUse {
    unsigned count = 0;
    std::uint64_t full = 0, reads = 0, writes = 0, read_sectors = 0, written_sectors = 0;
};

/// One domain at the moment of a sample.
struct Used {
    Listed domain;
    NetUse net;
    DiskUse disk;
    double cpu_percent = 0; ///< of one physical CPU since the sample before
};

/// The host at one moment.
struct Sample {
    std::vector<Used> domains;
    std::uint64_t total_kib = 0, free_kib = 0, ns = 0; ///< ns: of the monotonic clock
    unsigned cpus = 0, cpu_mhz = 0;
};

/// Takes a sample; `before` (may be empty) gives the CPU shares.
Result<Sample> sample(Session&, const Sample& before);

} // namespace domain
