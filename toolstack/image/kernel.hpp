// SPDX-License-Identifier: Apache-2.0
// A kernel file of any accepted form, brought to its ELF image: ELF, packed ELF, or bzImage.
#pragma once

#include "image/elf.hpp"

#include <string>

namespace image {

/// An ELF image with whatever memory holds it.
class Kernel {
  public:
    View elf_bytes() const { return unpacked_.size() ? unpacked_.view() : view_; }
    const Elf& elf() const { return elf_; }
    /// Copies a part of elf_bytes() into a guest's memory.
    toolstack::Result<void> copy(View part, std::uint8_t* to) const { return copy_mapped(part, to); }

  private:
    friend toolstack::Result<Kernel> make_kernel(View, std::span<const ZeroRun>);
    friend toolstack::Result<Kernel> load_kernel(const std::string&, const std::string&);
    std::optional<File> file_;
    View view_;
    Bytes unpacked_;
    Elf elf_;
};

/// From bytes that stay valid as long as the kernel; `holes` of their file, if it is ELF.
toolstack::Result<Kernel> make_kernel(View bytes, std::span<const ZeroRun> holes = {});

/// From a file. With a cache folder, the unpacked image of a packed kernel is kept there, under a name made of the
/// file's identity and change time, and used the next time; failing to write it is no error.
toolstack::Result<Kernel> load_kernel(const std::string& path, const std::string& cache_folder = {});

} // namespace image
