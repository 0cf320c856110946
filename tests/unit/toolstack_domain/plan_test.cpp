// SPDX-License-Identifier: Apache-2.0
// What a dry run shows.
#include "config/load.hpp"
#include "domain/config_json.hpp"

#include <gtest/gtest.h>

namespace domain {
namespace {

TEST(DryRun, ShowsWhatWasGiven) {
    auto plan = [](std::string_view text) {
        auto config = config::load_text(text, "g.cfg");
        EXPECT_TRUE(config);
        return planned_json(*config, config::Uuid{});
    };
    auto bare = plan("name='g'\nkernel='/k'\n");
    for (auto key : {"max_vcpus", "avail_vcpus", "max_memkb", "target_memkb"})
        EXPECT_EQ(bare.find(key), std::string::npos) << key;
    auto whole =
        plan("name='g'\nkernel='/k'\nmemory=64\nvcpus=2\ndisk=['format=raw,vdev=xvda,backendtype=qdisk,target=/x']\n");
    for (auto key : {"\"max_vcpus\": 2", "avail_vcpus", "\"max_memkb\": 65536", "\"target_memkb\": 65536",
                     "\"backend\": \"qdisk\""})
        EXPECT_NE(whole.find(key), std::string::npos) << key << whole;
}

} // namespace
} // namespace domain
