# SPDX-License-Identifier: Apache-2.0
fuzz_target(image_kernel image/kernel.cpp LIBRARIES toolstack_image)
