# SPDX-License-Identifier: Apache-2.0
fuzz_target(config_language config/language.cpp LIBRARIES toolstack_config)
fuzz_target(config_device config/device.cpp LIBRARIES toolstack_config)
