# SPDX-License-Identifier: Apache-2.0
unit_test(machine THREADS machine/madt_test.cpp machine/vector_test.cpp machine/clock_test.cpp machine/time_line_test.cpp machine/cpuid_faulting_test.cpp machine/rtc_test.cpp
          machine/power_aml_test.cpp machine/cross_call_test.cpp machine/speculation_test.cpp machine/mca_test.cpp machine/pci_test.cpp
          hypervisor/x86/machine/cpu/speculation_choice.cpp hypervisor/x86/machine/mca/error.cpp hypervisor/x86/machine/mca/report.cpp
          hypervisor/x86/machine/firmware/acpi_madt.cpp hypervisor/x86/machine/clock/rtc_decode.cpp hypervisor/x86/machine/firmware/power_aml.cpp)
