# SPDX-License-Identifier: Apache-2.0
unit_test(arch arch/register_test.cpp arch/arch_test.cpp arch/page_entry_test.cpp arch/descriptor_test.cpp arch/cpuid_test.cpp hypervisor/base/format.cpp)
