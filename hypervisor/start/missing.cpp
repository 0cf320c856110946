// SPDX-License-Identifier: Apache-2.0
// While the hypervisor is being put together: what nobody has written yet panics with its name when it is called.
#include "base/panic.hpp"

extern "C" [[noreturn]] void px_missing(const char* name) { px::panic("{} is not there yet", name); }
