// SPDX-License-Identifier: Apache-2.0
// list -l: stored configurations as JSON, laid out as libxl's generator does (4 spaces, blank line in empty objects).
#include "domain/domains.hpp"
#include "domain/json_text.hpp"
#include "domain/userdata.hpp"
#include "xl/listing.hpp"

namespace xl {
namespace {

using Json = nlohmann::ordered_json;

/// What is known without a stored configuration.
Json bare_config(const domain::Listed& entry) {
    Json config;
    config["c_info"] = {{"type", entry.has(abi::dominf_hvm_guest) ? "hvm" : "pv"}, {"name", entry.name}};
    config["b_info"] = Json::object();
    return config;
}

/// Members of b_info in libxl's order as far as that matters here: what is set live may not be in the stored form.
constexpr const char* info_order[] = {
    "max_vcpus",    "avail_vcpus",      "vcpu_hard_affinity",  "vcpu_soft_affinity", "tsc_mode",    "max_memkb",
    "target_memkb", "video_memkb",      "shadow_memkb",        "rtc_timeoffset",     "localtime",   "disable_migrate",
    "cpuid",        "max_grant_frames", "max_maptrack_frames", "max_grant_version",  "sched_params"};

void reorder(Json& info) {
    Json sorted = Json::object();
    for (auto key : info_order)
        if (info.contains(key)) sorted[key] = std::move(info[key]);
    for (auto item = info.begin(); item != info.end(); ++item)
        if (!sorted.contains(item.key())) sorted[item.key()] = std::move(*item);
    info = std::move(sorted);
}

/// The name of now, in its place behind the type.
void add_name(Json& info, const std::string& name) {
    Json with = Json::object();
    if (info.contains("type")) with["type"] = info["type"];
    with["name"] = name;
    for (auto item = info.begin(); item != info.end(); ++item)
        if (!with.contains(item.key())) with[item.key()] = *item;
    info = std::move(with);
}

Result<void> add_live(Context& context, const domain::Listed& entry, Json& config) {
    auto& client = *TRY(context.session.store());
    auto& info = config["b_info"];
    auto path = domain::path_of(entry.id()) + "/memory/";
    if (auto most = client.get(path + "static-max")) info["max_memkb"] = std::strtoull(most->c_str(), nullptr, 10);
    if (auto target = client.get(path + "target")) {
        // libxl adds the video memory, whose value for "not set" is -1: domain 0 shows one KiB less than its target.
        auto kib = std::strtoull(target->c_str(), nullptr, 10);
        info["target_memkb"] = info.contains("video_memkb") ? kib + info["video_memkb"].get<std::uint64_t>() : kib - 1;
    }
    auto& control = *TRY(context.session.xen());
    auto scheduler = TRY(domain::or_fail(xen::scheduler(control), "cannot read the scheduler"));
    if (auto value = xen::scheduling(control, entry.id(), scheduler))
        info["sched_params"] = {
            {"sched", domain::scheduler_name(scheduler)}, {"weight", value->weight}, {"cap", value->cap}};
    reorder(info);
    return {};
}

} // namespace

Result<int> run_list_long(Context& context, const Words& words) {
    Json all = Json::array();
    for (auto& entry : TRY(domain::list(context.session, words.words))) {
        auto stored = domain::load_userdata(entry.id(), entry.uuid(), "libxl-json");
        Json config = stored ? Json::parse(*stored, nullptr, false) : Json();
        if (!config.is_object()) config = bare_config(entry);
        if (config.contains("c_info") && !entry.name.empty()) add_name(config["c_info"], entry.name);
        TRY(add_live(context, entry, config));
        all.push_back({{"domid", entry.info.domain}, {"config", std::move(config)}});
    }
    std::string text;
    domain::print_json(text, all, 0);
    out("{}\n\n", text); // stock xl ends with an empty line
    return exit_good;
}

} // namespace xl
