#include "services/gateway/identity_schema.h"

namespace stackyard::gateway {

const Migrations& GatewayMigrations() {
  static const auto& migrations = *new Migrations{R"(
    CREATE TABLE users (
      id TEXT PRIMARY KEY,
      data TEXT NOT NULL
    );
    CREATE TABLE roles (
      id TEXT PRIMARY KEY,
      data TEXT NOT NULL
    );
    CREATE TABLE bindings (
      id TEXT PRIMARY KEY,
      project TEXT NOT NULL,
      role TEXT NOT NULL,
      member TEXT NOT NULL,
      create_time BIGINT NOT NULL
    );
    CREATE UNIQUE INDEX bindings_once ON bindings (project, role, member);
    CREATE INDEX bindings_by_member ON bindings (member);
    CREATE INDEX bindings_by_role ON bindings (role);
    CREATE TABLE tokens (
      id TEXT PRIMARY KEY,
      user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      hash TEXT NOT NULL UNIQUE,
      data TEXT NOT NULL,
      last_use_time BIGINT NOT NULL DEFAULT 0
    );
    CREATE INDEX tokens_by_user ON tokens (user_id, id);
    CREATE TABLE generation (
      id INTEGER PRIMARY KEY,
      value BIGINT NOT NULL
    );
    INSERT INTO generation (id, value) VALUES (1, 1);
    CREATE TABLE replays (
      caller TEXT NOT NULL,
      method TEXT NOT NULL,
      request_id TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      answer TEXT NOT NULL,
      create_time BIGINT NOT NULL,
      PRIMARY KEY (caller, method, request_id)
    );
    CREATE INDEX replays_by_time ON replays (create_time);
    CREATE TABLE denials (
      seq {bigserial},
      time BIGINT NOT NULL,
      caller TEXT NOT NULL,
      method TEXT NOT NULL,
      resource TEXT NOT NULL,
      permission TEXT NOT NULL,
      reason TEXT NOT NULL,
      request_id TEXT NOT NULL,
      peer TEXT NOT NULL
    )
  )",
                                                  R"(
    CREATE TABLE subjects (
      issuer TEXT NOT NULL,
      subject TEXT NOT NULL,
      user_id TEXT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
      issue_time BIGINT NOT NULL,
      PRIMARY KEY (issuer, subject)
    )
  )",
                                                  // That a start has made an administrator. Where
                                                  // there are users, one has.
                                                  R"(
    CREATE TABLE first_admin (
      id INTEGER PRIMARY KEY,
      create_time BIGINT NOT NULL
    );
    INSERT INTO first_admin (id, create_time)
      SELECT 1, 0 WHERE EXISTS (SELECT 1 FROM users)
  )"};
  return migrations;
}

void BumpGeneration(soci::session& sql) {
  sql << "UPDATE generation SET value = value + 1 WHERE id = 1";
}

int64_t ReadGeneration(soci::session& sql) {
  long long value = 0;
  sql << "SELECT value FROM generation WHERE id = 1", soci::into(value);
  return value;
}

}  // namespace stackyard::gateway
