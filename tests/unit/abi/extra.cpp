// SPDX-License-Identifier: Apache-2.0
// What the tables cannot express: names that differ from the public headers', strings and ring sizes.
#include "abi/cpuid.hpp"
#include "abi/dm_op.hpp"
#include "abi/elfnote.hpp"
#include "abi/event_channel.hpp"
#include "abi/extra/hypfs.hpp"
#include "abi/hvm_save.hpp"
#include "abi/io/blkif.hpp"
#include "abi/io/netif.hpp"
#include "abi/memory.hpp"
#include "abi/physdev.hpp"
#include "abi/pv.hpp"
#include "abi/version.hpp"
#include "abi/xenstore.hpp"

#include "tests/unit/abi/compare.hpp"

TEST(AbiExtra, GuestHandleIsAPointerWide) {
    EXPECT_EQ(sizeof(abi::GuestHandle<int>), sizeof(XEN_GUEST_HANDLE(int)));
    EXPECT_EQ(sizeof(abi::GuestHandle<int>), sizeof(XEN_GUEST_HANDLE_64(int)));
    EXPECT_EQ(sizeof(abi::DomainHandle), sizeof(xen_domain_handle_t));
}

TEST(AbiExtra, RingHeadersMatchTheGeneratedRings) {
    EXPECT_EQ(sizeof(abi::RingHeader), offsetof(blkif_sring, ring));
    EXPECT_EQ(offsetof(abi::RingHeader, rsp_prod), offsetof(blkif_sring, rsp_prod));
    EXPECT_EQ(offsetof(abi::RingHeader, pvt), offsetof(blkif_sring, pvt));
    alignas(8) static char page[4096];
    auto* ring = reinterpret_cast<blkif_sring_t*>(page);
    EXPECT_EQ(abi::ring_entries(4096, sizeof(abi::BlkifRequest)), __RING_SIZE(ring, 4096));
    EXPECT_EQ(abi::ring_entries(4096, sizeof(abi::NetifRxRequest)), __CONST_RING_SIZE(netif_rx, 4096));
}

TEST(AbiExtra, EntriesThatAreFollowedByMore) {
    EXPECT_EQ(offsetof(hvm_msr, msr), sizeof(abi::HvmMsr));
    EXPECT_EQ(offsetof(xen_build_id, buf), sizeof(abi::BuildId));
    EXPECT_EQ(offsetof(xen_hypfs_dirlistentry, name), abi::hypfs_name_offset);
    EXPECT_EQ(offsetof(physdev_pci_device_add, optarr), abi::pci_device_add_pxm_offset);
}

TEST(AbiExtra, ComposedNumbers) {
    EXPECT_EQ(abi::memf_node(3), static_cast<uint32_t>(XENMEMF_node(3)));
    EXPECT_EQ(abi::memf_get_node(abi::memf_node(7)), 7u);
    EXPECT_EQ(abi::memf_get_node(0), static_cast<uint32_t>(XENMEMF_get_node(0)));
    EXPECT_EQ(abi::resource_ioreq_server_frame_ioreq(2),
              static_cast<uint64_t>(XENMEM_resource_ioreq_server_frame_ioreq(2)));
    EXPECT_EQ(abi::pfn_to_cr3(0x1234), xen_pfn_to_cr3(0x1234));
    EXPECT_EQ(abi::cpuid_hypervisor_leaf(4), static_cast<uint32_t>(XEN_CPUID_LEAF(4)));
    EXPECT_EQ(abi::xenstore_op_count, static_cast<uint32_t>(XS_TYPE_COUNT));
    EXPECT_EQ(abi::commandline_length, sizeof(xen_commandline_t));
    EXPECT_EQ(abi::evtchn_2l_nr_channels, EVTCHN_2L_NR_CHANNELS);
}

TEST(AbiExtra, XenstoreErrorsInOrder) {
    ASSERT_EQ(std::size(abi::xenstore_errors), std::size(xsd_errors));
    for (size_t i = 0; i < std::size(xsd_errors); ++i) {
        EXPECT_EQ(abi::xenstore_errors[i].errnum, xsd_errors[i].errnum);
        EXPECT_STREQ(abi::xenstore_errors[i].errstring, xsd_errors[i].errstring);
    }
}
