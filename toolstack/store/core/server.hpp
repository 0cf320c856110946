// SPDX-License-Identifier: Apache-2.0
// The store server without its surroundings: takes requests of connections, changes the tree, queues
// replies and events. Sockets, rings, event channels and files belong to the daemon.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "store/core/connection.hpp"
#include "store/core/record.hpp"
#include "store/tree/accounts.hpp"
#include "store/tree/tree.hpp"

namespace store {

/// A domain that has been introduced.
struct Domain {
    abi::domid_t domid = 0;
    std::uint64_t frame = 0;           ///< guest frame of the ring, as introduced
    std::uint32_t port = 0;            ///< the domain's end of the event channel
    bool shutdown = false;             ///< its shutdown has been announced
    std::uint32_t consumed = 0;        ///< ring: position of the next request byte to take
    std::uint32_t owed = 0;            ///< ring: position of the first byte of connection->pending()
    std::uint64_t logged_output = 0;   ///< connection->produced() up to which the journal knows the bytes
    std::uint32_t logged_consumed = 0; ///< `consumed` as the journal knows it
    std::size_t logged_input = 0;      ///< bytes of the unfinished request that the journal knows
    std::unique_ptr<Connection> connection;

    /// Bytes for the domain that the journal knows, so that they may be put into its ring.
    [[nodiscard]] std::string_view deliverable() const {
        auto const pending = connection->pending();
        return pending.substr(0, pending.size() - (connection->produced() - logged_output));
    }
};

/// Appends the record that describes the domain (its streams have records of their own).
void encode(std::string& out, Domain const& domain);

/// What the server needs from its surroundings when domains come and go.
class DomainHost {
  public:
    virtual ~DomainHost() = default;
    /// Connects the ring of a new domain (or the new event channel of a known one) and sets the
    /// positions. Returns an errno: EINVAL where there is no such domain.
    [[nodiscard]] virtual std::expected<void, int> connect(Domain& domain) = 0;
    /// Whether there is such a domain, introduced or not: only then may it own nodes.
    [[nodiscard]] virtual bool exists(abi::domid_t domid) = 0;
    /// The domain goes: unmap, unbind.
    virtual void disconnect(Domain& domain) = 0;
    /// A line for the daemon's log.
    virtual void log(std::string_view line) = 0;
};

struct ServerOptions {
    Quotas quotas;
    bool keep_orphans = false; ///< nodes of a destroyed domain stay, owned by domain 0
};

/// One request while it is handled.
struct Request {
    Connection& from;
    Header const& header;
    std::string_view payload;
    std::string& reply; ///< append the reply's payload
};

/// Success, or an errno that becomes an error reply.
using Outcome = std::expected<void, int>;

class Server {
  public:
    Server(DomainHost& host, ServerOptions options);
    ~Server();

    [[nodiscard]] Connection& open_socket();
    /// Ends a socket's connection, with its watches and transactions.
    void close_socket(Connection& connection);

    /// Handles one request: always queues exactly one reply, and events for all whom it concerns.
    void handle(Connection& from, Header const& header, std::string_view payload);
    /// False while a client must first take what it has been sent.
    [[nodiscard]] bool may_handle(Connection const& connection) const;

    [[nodiscard]] std::map<abi::domid_t, Domain> const& domains() const { return domains_; }
    [[nodiscard]] Domain* find_domain(abi::domid_t domid);
    /// Introduces a domain (also domain 0 at start).
    [[nodiscard]] Outcome introduce(abi::domid_t domid, std::uint64_t frame, std::uint32_t port);
    /// The domain is gone: forget it, remove what it owned, announce @releaseDomain.
    void remove_domain(abi::domid_t domid);
    /// Domains that were never introduced and are gone (`exists` says which are not) leave nothing behind.
    void forget_missing(std::function<bool(abi::domid_t)> const& exists);
    /// The domain has shut down but exists: announce @releaseDomain once.
    void announce_shutdown(Domain& domain);
    /// Queues the events of the calls above that are not part of a request.
    void announce();
    /// The ring starts anew, by wish of the domain: watches, transactions and bytes are forgotten.
    void reset_connection(Domain& domain);
    /// Journals what changed in the domain's streams since the last call.
    void log_ring(Domain& domain);
    /// The domain has moved its ring's positions: go on from `consumed` and `owed`, with empty streams.
    void reset_streams(Domain& domain, std::uint32_t consumed, std::uint32_t owed);

    /// Journal records of all changes since it was last cleared. The daemon writes them before it sends
    /// any reply.
    [[nodiscard]] std::string& log() { return log_; }
    /// Appends records from which restore() rebuilds the present state.
    void snapshot(std::string& records) const;
    /// Applies records to a server that has handled nothing yet. False if they make no sense.
    [[nodiscard]] bool restore(std::string_view records);
    /// After the last restore(): open transactions are doomed, and each watch of a domain fires.
    void finish_restore();

    /// Connections that got output. The daemon takes all of them (clearing is_busy) after it wrote the log.
    [[nodiscard]] std::vector<Connection*>& busy() { return busy_; }

    [[nodiscard]] Tree const& tree() const { return tree_; }
    [[nodiscard]] Accounts const& accounts() const { return accounts_; }
    [[nodiscard]] Quotas& quotas() { return options_.quotas; }

    /// Memory that the daemon keeps for a client: its domain's nodes, and its watches, transactions, and all that
    /// waits.
    [[nodiscard]] std::int64_t held_bytes(Connection const&) const;
    /// Work done for watches, for whoever wants to know what a change costs.
    struct Work {
        std::uint64_t changes = 0;  ///< looked at
        std::uint64_t verdicts = 0; ///< questions whether a domain may see one
        std::uint64_t watches = 0;  ///< watches told
    };
    [[nodiscard]] Work const& work() const { return work_; }

    /// Creates what every store has from the start. Not after restore().
    void populate();

  private:
    using Handler = Outcome (Server::*)(Request&);
    struct View {
        Tree* tree;
        OpenTransaction* transaction; // null outside transactions
    };
    struct Change {
        std::string path;
        Effect effect;
    };

    static Handler handler_of(std::uint32_t type);

    // server_nodes.cpp
    Outcome directory(Request&);
    Outcome directory_part(Request&);
    Outcome read(Request&);
    Outcome get_permissions(Request&);
    Outcome write(Request&);
    Outcome make_directory(Request&);
    Outcome remove(Request&);
    Outcome set_permissions(Request&);
    std::expected<View, int> view(Request const&);
    std::expected<Node const*, int> look_up(Request const&, View const&, std::string_view path, std::uint8_t need,
                                            OpenTransaction::Dependency part);
    /// What a request names: the tree it sees, the path, and the node or why it may not have it.
    struct Place {
        View view;
        Path path;
        std::expected<Node const*, int> node;
    };
    std::expected<Place, int> locate(Request const&, std::string_view given, std::uint8_t need,
                                     OpenTransaction::Dependency part);
    std::expected<Node const*, int> get(Request const&, std::string_view given, std::uint8_t need,
                                        OpenTransaction::Dependency part);
    [[nodiscard]] bool has_room(Connection const&, std::int64_t bytes) const;
    void follow_targets();
    Outcome check_quota(Request const&, View const&, Mutation const&) const;
    Outcome change(Request const&, View const&, Mutation mutation);
    Outcome special_permissions(Request&, std::string_view name, Permissions list);

    // server_watches.cpp
    Outcome watch(Request&);
    Outcome unwatch(Request&);
    Outcome reset_watches(Request&);
    void add_watch(Connection&, std::unique_ptr<Watch>);
    void drop_watch(Connection&, std::size_t index);
    void drop_all(Connection&);
    void fire(Change const&);
    void fire_removed(Change const&);
    void fire_pending();
    void fire_special(std::string_view name);
    using Readers = std::vector<Permissions>;
    template <class Tell> void tell_readers(WatchGroup const&, Readers const& lists, Tell);
    void tell(Watch&, std::string_view changed);

    // server_transactions.cpp
    Outcome transaction_start(Request&);
    Outcome transaction_end(Request&);
    Outcome commit(Request const&, OpenTransaction&);
    void retire_old_transactions();

    // server_domains.cpp
    Outcome introduce_request(Request&);
    Outcome release(Request&);
    Outcome get_domain_path(Request&);
    Outcome is_introduced(Request&);
    Outcome resume(Request&);
    Outcome set_target(Request&);
    void remove_orphans(std::unordered_set<abi::domid_t> const& gone);
    void remove_usual_orphans(abi::domid_t);
    void remove_orphans_below(std::unordered_set<abi::domid_t> const& gone, std::string top);
    void log_domain(Domain const&);

    // server_control.cpp
    Outcome control(Request&);
    void report_memory(std::string& out) const;
    [[nodiscard]] std::string check() const;
    Outcome control_quota(Request const&, Strings& arguments);

    // server_restore.cpp
    bool restore_one(Decoder&);
    bool restore_domain(Decoder&);
    bool restore_ring(RecordKind, Decoder&);
    bool restore_connection(RecordKind, Decoder&);
    void snapshot_nodes(std::string& records) const;
    static void snapshot_domain(std::string& records, Domain const&);

    DomainHost& host_;
    ServerOptions options_;
    Tree tree_;
    Accounts accounts_;
    std::uint64_t generation_ = 1;
    WatchIndex watches_;
    std::vector<Connection*> busy_;
    std::map<Connection*, std::unique_ptr<Connection>> sockets_;
    std::map<abi::domid_t, Domain> domains_;
    std::map<std::string, Permissions, std::less<>> special_;
    std::vector<Change> changes_;                                 // to fire after the reply
    std::vector<std::string> announcements_;                      // special names to fire after the reply
    std::pair<Watch*, bool> new_watch_{};                         // fires once after the reply
    std::map<std::string, std::int64_t, std::less<>> set_quotas_; // by control requests
    std::map<abi::domid_t, abi::domid_t> device_models_;          // domains that have a target, and it
    Work work_;
    std::string log_;
    bool log_requests_ = false;
};

} // namespace store
