// SPDX-License-Identifier: Apache-2.0
// There is no driver of an IOMMU: what the command line wants of one.
#include "x86/machine/pci/iommu.hpp"

#include "base/log.hpp"
#include "base/panic.hpp"
#include "boot/options.hpp"

namespace px::x86 {
namespace {

constinit bool is_required = false;

bool parse_word(std::string_view word) {
    if (options::boolean(word) == false) return true; // it is so
    const auto flag = options::flag(word);
    if (flag.name == "force" || flag.name == "required") is_required = flag.value.value_or(true);
    else if (flag.value != false)
        log::warning("parameter \"iommu\": \"{}\" has no effect: there is no driver of an IOMMU", word);
    return true;
}
PX_OPTION(iommu, "iommu", [](std::string_view v) { return options::list(v, parse_word); });

} // namespace

void check_iommu() {
    if (is_required) panic("iommu=force: there is no driver of an IOMMU; a device's DMA reaches all memory");
}

} // namespace px::x86
