// SPDX-License-Identifier: Apache-2.0
// Network device ring entries (public/io/netif.h).
#pragma once

#include "abi/io/ring.hpp"

namespace abi {

inline constexpr uint16_t nettxf_csum_blank = 1u << 0;
inline constexpr uint16_t nettxf_data_validated = 1u << 1;
inline constexpr uint16_t nettxf_more_data = 1u << 2;
inline constexpr uint16_t nettxf_extra_info = 1u << 3;
inline constexpr uint16_t netrxf_data_validated = 1u << 0;
inline constexpr uint16_t netrxf_csum_blank = 1u << 1;
inline constexpr uint16_t netrxf_more_data = 1u << 2;
inline constexpr uint16_t netrxf_extra_info = 1u << 3;
inline constexpr uint16_t netrxf_gso_prefix = 1u << 4;

/// Status of a response.
enum class NetifStatus : int16_t { Dropped = -2, Error = -1, Okay = 0, Null = 1 };

/// NetifExtraInfo::type.
enum class NetifExtraType : uint8_t { None = 0, Gso = 1, McastAdd = 2, McastDel = 3, Hash = 4 };
inline constexpr uint8_t netif_extra_flag_more = 1u << 0;
inline constexpr uint32_t netif_nr_slots_min = 18;

/// Fragment of a packet to send; the first one's size is the whole packet's.
struct NetifTxRequest {
    grant_ref_t gref;
    uint16_t offset;
    uint16_t flags;
    uint16_t id;
    uint16_t size;
};
static_assert(sizeof(NetifTxRequest) == 12);
static_assert(offsetof(NetifTxRequest, size) == 10);

/// Takes the slot after a request whose flags carry extra_info.
struct NetifExtraInfo {
    uint8_t type;
    uint8_t flags;
    union {
        struct {
            uint16_t size;
            uint8_t type;
            uint8_t pad;
            uint16_t features;
        } gso;
        struct {
            uint8_t addr[6];
        } mcast;
        struct {
            uint8_t type;
            uint8_t algorithm;
            uint8_t value[4];
        } hash;
        uint16_t pad[3];
    } u;
};
static_assert(sizeof(NetifExtraInfo) == 8);
static_assert(offsetof(NetifExtraInfo, u) == 2);

/// Answer to one transmit request.
struct NetifTxResponse {
    uint16_t id;
    int16_t status;
};
static_assert(sizeof(NetifTxResponse) == 4);
static_assert(offsetof(NetifTxResponse, status) == 2);

/// Granted page for a packet to come.
struct NetifRxRequest {
    uint16_t id;
    uint16_t pad;
    grant_ref_t gref;
};
static_assert(sizeof(NetifRxRequest) == 8);
static_assert(offsetof(NetifRxRequest, gref) == 4);

/// status: length if positive, NetifStatus otherwise.
struct NetifRxResponse {
    uint16_t id;
    uint16_t offset;
    uint16_t flags;
    int16_t status;
};
static_assert(sizeof(NetifRxResponse) == 8);
static_assert(offsetof(NetifRxResponse, status) == 6);
static_assert(ring_entries(page_size, sizeof(NetifTxRequest)) == 256);

} // namespace abi
