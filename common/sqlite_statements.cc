#include "common/sqlite_statements.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include <list>
#include <string>
#include <unordered_map>
#include <utility>

namespace stackyard {
namespace {

namespace api = ::sqlite_api;

constexpr size_t kMaxKept = 200;

// Prepared statements that nobody uses, by text.
class Statements {
 public:
  ~Statements() {
    for (const auto& [text, statement] : kept_) api::sqlite3_finalize(statement);
  }

  // Null when there is none.
  api::sqlite3_stmt* Take(const std::string& text) {
    const auto found = places_.find(text);
    if (found == places_.end()) return nullptr;
    api::sqlite3_stmt* const statement = found->second->second;
    kept_.erase(found->second);
    places_.erase(found);
    return statement;
  }

  void Give(const std::string& text, api::sqlite3_stmt* statement) {
    api::sqlite3_reset(statement);
    // Large values must not stay, nor secrets.
    api::sqlite3_clear_bindings(statement);
    if (places_.count(text) > 0) {
      api::sqlite3_finalize(statement);
      return;
    }
    kept_.emplace_front(text, statement);
    places_[text] = kept_.begin();
    if (kept_.size() <= kMaxKept) return;
    api::sqlite3_finalize(kept_.back().second);
    places_.erase(kept_.back().first);
    kept_.pop_back();
  }

 private:
  using List = std::list<std::pair<std::string, api::sqlite3_stmt*>>;
  // Latest first.
  List kept_;
  std::unordered_map<std::string, List::iterator> places_;
};

struct CachingStatement final : soci::sqlite3_statement_backend {
  CachingStatement(soci::sqlite3_session_backend& session, Statements& cache)
      : sqlite3_statement_backend(session), statements(cache) {}

  void prepare(const std::string& query, soci::details::statement_type type) override {
    clean_up();
    text = query;
    stmt_ = statements.Take(query);
    if (stmt_ == nullptr) {
      sqlite3_statement_backend::prepare(query, type);
    } else {
      databaseReady_ = true;
    }
  }

  void clean_up() override {
    if (stmt_ != nullptr) statements.Give(text, std::exchange(stmt_, nullptr));
    sqlite3_statement_backend::clean_up();
  }

  Statements& statements;
  std::string text;
};

struct CachingSession final : soci::sqlite3_session_backend {
  using sqlite3_session_backend::sqlite3_session_backend;

  CachingStatement* make_statement_backend() override {
    return new CachingStatement(*this, statements);
  }

  // Goes before the connection, as it must.
  Statements statements;
};

struct CachingFactory final : soci::backend_factory {
  CachingSession* make_session(const soci::connection_parameters& parameters) const override {
    return new CachingSession(parameters);
  }
};

}  // namespace

const soci::backend_factory& CachingSqlite() {
  static const CachingFactory factory;
  return factory;
}

}  // namespace stackyard
