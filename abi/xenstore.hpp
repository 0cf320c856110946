// SPDX-License-Identifier: Apache-2.0
// Xenstore wire protocol and the ring of a domain (public/io/xs_wire.h).
#pragma once

#include "abi/types.hpp"

namespace abi {

/// XsdSockmsg::type. A reply repeats the request's type, or is Error with a NUL-ended name.
enum class XenstoreOp : uint32_t {
    Control = 0,
    Directory = 1,
    Read = 2,
    GetPerms = 3,
    Watch = 4,
    Unwatch = 5,
    TransactionStart = 6,
    TransactionEnd = 7,
    Introduce = 8,
    Release = 9,
    GetDomainPath = 10,
    Write = 11,
    Mkdir = 12,
    Rm = 13,
    SetPerms = 14,
    WatchEvent = 15,
    Error = 16,
    IsDomainIntroduced = 17,
    Resume = 18,
    SetTarget = 19,
    ResetWatches = 21, ///< 20 was restrict
    DirectoryPart = 22,
    Invalid = 0xffff,
};
inline constexpr uint32_t xenstore_op_count = 23;

/// Head of each message, on sockets and rings.
struct XsdSockmsg {
    uint32_t type;
    uint32_t req_id;
    uint32_t tx_id; ///< 0 = outside a transaction
    uint32_t len;   ///< bytes that follow
};
static_assert(sizeof(XsdSockmsg) == 16);
static_assert(offsetof(XsdSockmsg, len) == 12);

/// Name of an error reply and the errno it stands for (Linux and Xen agree on these numbers).
struct XenstoreError {
    int errnum;
    const char* errstring;
};
inline constexpr XenstoreError xenstore_errors[] = {
    {22, "EINVAL"}, {13, "EACCES"},   {17, "EEXIST"},    {21, "EISDIR"}, {2, "ENOENT"}, {12, "ENOMEM"},
    {28, "ENOSPC"}, {5, "EIO"},       {39, "ENOTEMPTY"}, {38, "ENOSYS"}, {30, "EROFS"}, {16, "EBUSY"},
    {11, "EAGAIN"}, {106, "EISCONN"}, {7, "E2BIG"},      {1, "EPERM"},
};

inline constexpr size_t xenstore_payload_max = 4096;
inline constexpr size_t xenstore_abs_path_max = 3072;
inline constexpr size_t xenstore_rel_path_max = 2048;
inline constexpr size_t xenstore_ring_size = 1024;

inline constexpr uint32_t xenstore_feature_reconnection = 1;
inline constexpr uint32_t xenstore_feature_error = 2;

/// XenstoreDomainInterface::connection.
enum class XenstoreConnection : uint32_t { Connected = 0, Reconnect = 1 };

/// XenstoreDomainInterface::error.
enum class XenstoreRingError : uint32_t { None = 0, Communication = 1, RingIndex = 2, Protocol = 3 };

/// Page shared between a domain and xenstored. Indices run free; mask by the ring size.
struct XenstoreDomainInterface {
    char req[xenstore_ring_size];
    char rsp[xenstore_ring_size];
    uint32_t req_cons, req_prod;
    uint32_t rsp_cons, rsp_prod;
    uint32_t server_features;
    uint32_t connection;
    uint32_t error;
};
static_assert(sizeof(XenstoreDomainInterface) == 2076);
static_assert(offsetof(XenstoreDomainInterface, error) == 2072);
constexpr uint32_t xenstore_mask_index(uint32_t i) { return i & (xenstore_ring_size - 1); }

/// States of a split driver's ends (public/io/xenbus.h).
enum class XenbusState : uint32_t {
    Unknown = 0,
    Initialising = 1,
    InitWait = 2,
    Initialised = 3,
    Connected = 4,
    Closing = 5,
    Closed = 6,
    Reconfiguring = 7,
    Reconfigured = 8,
};

} // namespace abi
