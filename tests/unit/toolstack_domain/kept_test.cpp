// SPDX-License-Identifier: Apache-2.0
// What is kept of a guest: the document of its configuration, its restart, its devices in libxl's JSON.
#include "base/whole_file.hpp"
#include "config/parse.hpp"
#include "domain/device_json.hpp"
#include "domain/life/restart.hpp"
#include "domain/stored_config.hpp"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace domain {
namespace {

std::vector<config::Setting> settings_of(std::string_view text) {
    return config::merge(config::parse(text, "g.cfg").value(), "g.cfg").value();
}

constexpr std::string_view guest = "name = 'g'\nkernel = '/k\xe9'\nmemory = 64\nvnuma = [ [ 'a', 'b' ], [ 'c' ] ]\n"
                                   "disk = [ '/a,raw,xvda,w!' ]\nvif = [ 'mac=00:16:3e:00:00:01,devid=0,bridge=br' ]\n";

TEST(Kept, ComesBackEqual) {
    Kept kept{settings_of(guest), 1234, 3};
    auto text = print(kept, "{}", "");
    auto back = parse_kept(text);
    ASSERT_TRUE(back) << back.error().what;
    ASSERT_EQ(back->settings.size(), kept.settings.size());
    for (std::size_t i = 0; i < kept.settings.size(); ++i) {
        EXPECT_EQ(back->settings[i].key, kept.settings[i].key);
        EXPECT_EQ(back->settings[i].value, kept.settings[i].value) << kept.settings[i].key;
    }
    EXPECT_EQ(back->started, 1234);
    EXPECT_EQ(back->quick, 3u);
    EXPECT_EQ(print(*back, "{}", ""), text); // and does not grow
}

TEST(Kept, RefusesWhatItDoesNotKnow) {
    EXPECT_FALSE(parse_kept(""));
    EXPECT_FALSE(parse_kept("[]"));
    EXPECT_FALSE(parse_kept("{\"version\": 1}"));
    EXPECT_FALSE(parse_kept("{\"version\": \"1\", \"settings\": {}}"));
    EXPECT_FALSE(parse_kept("{\"version\": 1, \"settings\": {\"name\": 7}}"));
    auto newer = parse_kept("{\"version\": 2, \"settings\": {}}");
    ASSERT_FALSE(newer);
    EXPECT_NE(newer.error().what.find("version 2"), std::string::npos);
    for (std::size_t size = 0; size < 400; size += 7) {
        auto text = print(Kept{settings_of(guest), 1, 0}, "{}", "");
        if (size < text.size()) EXPECT_FALSE(parse_kept(std::string_view(text).substr(0, size))) << size;
    }
}

TEST(Kept, TakesOverWhatOtherToolsDid) {
    auto settings = settings_of("name='g'\nkernel='/k'\ndisk=['/a,raw,xvda,w!','/b,raw,xvdb,r']\n");
    take_over(settings, R"({"disks": [{"pdev_path": "/a", "vdev": "xvda", "format": "raw", "readwrite": 1},
                                      {"pdev_path": "/c", "vdev": "xvdc", "format": "qcow2"}],
                            "nics": [{"devid": 1, "mac": "00:16:3e:00:00:02", "bridge": "br"}, 7]})");
    auto config = load(Kept{settings});
    ASSERT_TRUE(config) << config.error().what;
    ASSERT_EQ(config->disks.size(), 2u);
    EXPECT_TRUE(config->disks[0].force); // ours says more than libxl's
    EXPECT_EQ(config->disks[1].vdev, "xvdc");
    EXPECT_EQ(config->disks[1].format, config::Format::qcow2);
    EXPECT_FALSE(config->disks[1].writable);
    ASSERT_EQ(config->vifs.size(), 1u);
    EXPECT_EQ(config->vifs[0].devid, 1u);
    auto same = settings;
    take_over(same, "no JSON");
    EXPECT_EQ(same.size(), settings.size());
}

/// As older tools wrote it: a file's settings, then what was drawn, then each list as it was after a change.
constexpr std::string_view older =
    "name = \"g\"\nkernel = \"/k\"\nmemory = \"64\"\ndisk = [ \"/a,raw,xvda,w!\" ]\nvif = [ \"bridge=br\" ]\n"
    "\nuuid = \"0f3c1de2-83b4-4c1d-9a52-6a0c6f0b7a11\"\nvif = [ \"mac=00:16:3e:00:00:01,bridge=br,devid=0\" ]\n"
    "disk = [ \"format=raw,vdev=xvda,access=rw!,target=/a\", \"format=raw,vdev=xvdb,access=ro,target=/b\" ]\n"
    "disk = [ \"format=raw,vdev=xvda,access=rw!,target=/a\" ]\n\nname = \"renamed\"\n";

TEST(Kept, ReadsWhatOlderToolsKept) {
    auto kept = parse_kept_statements(older);
    ASSERT_TRUE(kept) << kept.error().what;
    auto config = load(*kept);
    ASSERT_TRUE(config) << config.error().what;
    EXPECT_EQ(config->name, "renamed");
    EXPECT_EQ(config::print(*config->uuid), "0f3c1de2-83b4-4c1d-9a52-6a0c6f0b7a11");
    ASSERT_EQ(config->disks.size(), 1u);
    EXPECT_TRUE(config->disks[0].force);
    ASSERT_EQ(config->vifs.size(), 1u);
    EXPECT_EQ(config::print(*config->vifs[0].mac), "00:16:3e:00:00:01");
    auto back = parse_kept(print(*kept, "", ""));
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(back->settings.size(), kept->settings.size());
    EXPECT_FALSE(parse_kept_statements("name = [ 'g'"));
}

TEST(Kept, AnInterfaceWithoutNumberIsTheOneOfItsPlace) {
    auto settings = settings_of("name='g'\nvif=['mac=00:16:3e:00:00:01,bridge=b,type=vif','bridge=c']\n");
    take_over(settings, R"({"nics": [{"devid": 0, "mac": "00:16:3e:00:00:01", "bridge": "b"}]})");
    auto& list = settings[1].value.list;
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].text, "type=vif,mac=00:16:3e:00:00:01,bridge=b,devid=0");
}

TEST(Kept, DevicesOfLibxlComeBackEqual) {
    for (auto text :
         {"/a,raw,xvda,w", "/a,qcow2,xvdb,r,direct-io-safe,discard", "/a,vhd,hdc,w,backend=dd,script=block-x",
          "vdev=xvdd,access=r,devtype=cdrom", "format=raw,vdev=xvde,access=rw,backendtype=qdisk,target=/x,y"}) {
        auto disk = config::parse_disk(text);
        ASSERT_TRUE(disk) << text;
        auto back = disk_of_json(disk_json(*disk));
        ASSERT_TRUE(back) << text;
        EXPECT_EQ(config::print(*back), config::print(*disk));
        EXPECT_EQ(back->number, disk->number);
    }
    for (auto text :
         {"mac=00:16:3e:01:02:03,bridge=br0,devid=4", "mac=00:16:3e:01:02:03,bridge=b,ip=10.0.0.1,mtu=1400,devid=0",
          "mac=00:16:3e:01:02:03,bridge=b,script=vif-nat,vifname=x,gatewaydev=eth0,backend=dd,rate=10Mb/s,devid=1"}) {
        auto vif = config::parse_vif(text);
        ASSERT_TRUE(vif) << text;
        auto back = vif_of_json(vif_json(*vif, *vif->devid));
        ASSERT_TRUE(back) << text;
        EXPECT_EQ(config::print(*back), config::print(*vif));
    }
    EXPECT_FALSE(disk_of_json(nlohmann::ordered_json::parse("{\"vdev\": 7}")));
    EXPECT_FALSE(vif_of_json(nlohmann::ordered_json::parse("{\"mac\": \"x\"}")));
}

TEST(RestartDocument, ComesBackEqual) {
    Restart restart;
    restart.name = "g";
    restart.uuid = config::parse_uuid("00000000-0000-4000-8000-000000000001").value();
    restart.old_uuid = config::parse_uuid("00000000-0000-4000-8000-000000000002").value();
    restart.old = DomId{7};
    restart.renamed = "g-1";
    restart.watched = false;
    restart.kept = Kept{settings_of(guest), 5, 2};
    restart.failures = 4;
    restart.not_before = 99;
    restart.error = "no \"memory\"";
    auto text = print(restart);
    auto back = parse_restart(text);
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(print(*back), text);
    EXPECT_FALSE(parse_restart(text.substr(0, text.size() / 2)));
    EXPECT_FALSE(parse_restart("{\"version\": 9}"));
}

TEST(RestartDocument, ReadsWhatOlderToolsWrote) {
    auto restart = parse_restart("# restart of domain 7\n" + std::string(older));
    ASSERT_TRUE(restart) << restart.error().what;
    EXPECT_EQ(restart->old.value, 7);
    EXPECT_EQ(restart->name, "renamed");
    EXPECT_EQ(config::print(restart->uuid), "0f3c1de2-83b4-4c1d-9a52-6a0c6f0b7a11");
    auto again = parse_restart(print(*restart));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(print(*again), print(*restart));
    for (auto wrong : {"# restart of domain ", "# restart of domain 40000\nname = \"g\"\n", "# restart of domain 7",
                       "# restart of domain 7\nname = \"g\"\nkernel = \"/k\"\nmemory = 64\n"})
        EXPECT_FALSE(parse_restart(wrong)) << wrong;
}

TEST(RestartDocument, WaitsLongerEachTimeAndNotForEver) {
    EXPECT_EQ(backoff(1), 2);
    EXPECT_EQ(backoff(3), 8);
    EXPECT_EQ(backoff(20), 300);
    EXPECT_EQ(backoff(4000000), 300);
}

TEST(Files, AreOldOrNewWhoeverIsKilledWhen) {
    std::string folder = testing::TempDir() + "files-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    auto path = folder + "/kept";
    const std::string texts[] = {std::string(50000, 'a'), std::string(70000, 'b')};
    ASSERT_TRUE(toolstack::replace_file(path, texts[0], {}));
    for (int i = 0; i < 30; ++i) {
        auto child = fork();
        if (child == 0)
            for (int n = 0;; ++n) (void)toolstack::replace_file(path, texts[n % 2], {});
        usleep(static_cast<useconds_t>(i * 150));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        auto text = toolstack::read_file(path);
        ASSERT_TRUE(text);
        EXPECT_TRUE(*text == texts[0] || *text == texts[1]) << text->size();
    }
}

} // namespace
} // namespace domain
