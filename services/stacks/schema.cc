#include "services/stacks/schema.h"

namespace stackyard::stacks {

Migrations Schema() {
  return {R"sql(
CREATE TABLE projects (
  id TEXT PRIMARY KEY,
  body TEXT NOT NULL
);
CREATE TABLE templates (
  id TEXT PRIMARY KEY,
  body TEXT NOT NULL
);
CREATE TABLE template_versions (
  template TEXT NOT NULL,
  version TEXT NOT NULL,
  create_micros BIGINT NOT NULL,
  body TEXT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY (template, version)
);
CREATE TABLE stacks (
  uid TEXT PRIMARY KEY,
  project TEXT NOT NULL,
  id TEXT NOT NULL,
  holds_name INTEGER NOT NULL,
  template TEXT NOT NULL,
  create_micros BIGINT NOT NULL,
  body TEXT NOT NULL
);
CREATE UNIQUE INDEX stacks_name ON stacks (project, id) WHERE holds_name = 1;
CREATE INDEX stacks_listing ON stacks (project, id, uid);
CREATE INDEX stacks_template ON stacks (template);
CREATE TABLE revisions (
  project TEXT NOT NULL,
  stack TEXT NOT NULL,
  number BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (project, stack, number)
);
CREATE TABLE runs (
  project TEXT NOT NULL,
  stack TEXT NOT NULL,
  number BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (project, stack, number)
);
CREATE TABLE run_events (
  run TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (run, sequence)
);
CREATE TABLE run_logs (
  run TEXT NOT NULL,
  start BIGINT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (run, start)
);
CREATE TABLE queue (
  id {bigserial},
  target TEXT NOT NULL UNIQUE,
  busy TEXT NOT NULL UNIQUE,
  work INTEGER NOT NULL,
  leased INTEGER NOT NULL,
  generation BIGINT NOT NULL,
  runner TEXT NOT NULL,
  lease_until BIGINT NOT NULL,
  cancel INTEGER NOT NULL,
  events_seen BIGINT NOT NULL,
  log_seen BIGINT NOT NULL,
  enqueue_micros BIGINT NOT NULL
);
CREATE INDEX queue_waiting ON queue (leased, id);
CREATE INDEX queue_leases ON queue (leased, lease_until);
CREATE TABLE finished_leases (
  target TEXT NOT NULL,
  generation BIGINT NOT NULL,
  end_micros BIGINT NOT NULL,
  PRIMARY KEY (target)
);
CREATE TABLE state_versions (
  uid TEXT NOT NULL,
  serial BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (uid, serial)
);
CREATE TABLE change_requests (
  project TEXT NOT NULL,
  number BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (project, number)
);
CREATE TABLE operations (
  id TEXT PRIMARY KEY,
  project TEXT NOT NULL,
  done INTEGER NOT NULL,
  create_micros BIGINT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX operations_listing ON operations (create_micros, id);
CREATE TABLE events (
  project TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (project, sequence)
);
CREATE TABLE event_heads (
  project TEXT PRIMARY KEY,
  sequence BIGINT NOT NULL,
  hash TEXT NOT NULL
);
CREATE TABLE tasks (
  id {bigserial},
  name TEXT NOT NULL UNIQUE,
  due BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  attempts INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX tasks_due ON tasks (due);
CREATE TABLE counters (
  scope TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
CREATE TABLE requests (
  caller TEXT NOT NULL,
  request_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  create_micros BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (caller, request_id)
);
CREATE INDEX requests_age ON requests (create_micros)
)sql",
          R"sql(
ALTER TABLE stacks ADD COLUMN lineage TEXT NOT NULL DEFAULT '';
CREATE INDEX stacks_lineage ON stacks (lineage)
)sql",
          // Ends of leases, where something is held; 0 elsewhere.
          R"sql(
ALTER TABLE stacks ADD COLUMN lease_end_micros BIGINT NOT NULL DEFAULT 0;
CREATE INDEX stacks_lease_end ON stacks (lease_end_micros) WHERE lease_end_micros > 0
)sql",
          // Notices and channels; what replicas tell each other.
          R"sql(
ALTER TABLE tasks ADD COLUMN queue TEXT NOT NULL DEFAULT '';
CREATE INDEX tasks_queue ON tasks (queue, lease_until);
CREATE TABLE channels (
  project TEXT NOT NULL,
  id TEXT NOT NULL,
  last_error TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (project, id)
);
CREATE TABLE dead_letters (
  id {bigserial},
  channel TEXT NOT NULL,
  task TEXT NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (channel, task)
);
CREATE TABLE notices (
  id {bigserial},
  project TEXT NOT NULL,
  sequence BIGINT NOT NULL,
  create_micros BIGINT NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (project, sequence)
);
CREATE INDEX notices_age ON notices (create_micros);
CREATE TABLE notice_recipients (
  notice BIGINT NOT NULL,
  recipient TEXT NOT NULL,
  project TEXT NOT NULL,
  not_to TEXT NOT NULL,
  PRIMARY KEY (notice, recipient)
);
CREATE INDEX notice_recipients_inbox ON notice_recipients (recipient, project, notice);
CREATE TABLE notice_reads (
  notice BIGINT NOT NULL,
  reader TEXT NOT NULL,
  PRIMARY KEY (notice, reader)
);
CREATE TABLE notice_settings (
  reader TEXT PRIMARY KEY,
  body TEXT NOT NULL
);
CREATE TABLE notice_cursors (
  project TEXT PRIMARY KEY,
  sequence BIGINT NOT NULL
);
INSERT INTO notice_cursors (project, sequence) SELECT project, sequence FROM event_heads;
CREATE TABLE touches (
  id {bigserial},
  origin TEXT NOT NULL,
  names TEXT NOT NULL,
  create_micros BIGINT NOT NULL
);
CREATE INDEX touches_age ON touches (create_micros)
)sql",
          // Sealed data; locks of states, states that did not become current, and what a lost
          // runner may have made. The digest of a state is filled in later where it is empty.
          R"sql(
CREATE TABLE seal_keys (
  id TEXT PRIMARY KEY,
  body TEXT NOT NULL
);
CREATE TABLE state_locks (
  uid TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE TABLE stray_states (
  uid TEXT NOT NULL,
  digest TEXT NOT NULL,
  create_micros BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (uid, digest)
);
CREATE INDEX stray_states_digest ON stray_states (digest);
CREATE TABLE unsaved_resources (
  uid TEXT NOT NULL,
  address TEXT NOT NULL,
  run TEXT NOT NULL,
  revision BIGINT NOT NULL,
  PRIMARY KEY (uid, address)
);
ALTER TABLE state_versions ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE state_versions ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
CREATE INDEX state_versions_digest ON state_versions (digest)
)sql",
          R"sql(
CREATE TABLE credentials (
  project TEXT NOT NULL,
  id TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (project, id)
)
)sql",
          // What stacks are looked up by, see stack_index.h. `indexed` moves on with each write
          // that keeps the index; the triggers note the writes that do not.
          R"sql(
ALTER TABLE stacks ADD COLUMN indexed BIGINT NOT NULL DEFAULT 0;
CREATE TABLE stack_index (
  uid TEXT PRIMARY KEY,
  project {bytes} NOT NULL,
  id {bytes} NOT NULL,
  live INTEGER NOT NULL,
  create_micros BIGINT NOT NULL,
  update_micros BIGINT NOT NULL,
  end_micros BIGINT NOT NULL
);
CREATE INDEX stack_index_names ON stack_index (live, project, id, uid);
CREATE INDEX stack_index_created ON stack_index (live, create_micros, uid);
CREATE INDEX stack_index_updated ON stack_index (live, update_micros, uid);
CREATE INDEX stack_index_ends ON stack_index (live, end_micros, uid);
CREATE INDEX stack_index_project_created ON stack_index (live, project, create_micros, uid);
CREATE INDEX stack_index_project_updated ON stack_index (live, project, update_micros, uid);
CREATE INDEX stack_index_project_ends ON stack_index (live, project, end_micros, uid);
CREATE TABLE stack_terms (
  uid TEXT NOT NULL,
  term {bytes} NOT NULL,
  live INTEGER NOT NULL,
  project {bytes} NOT NULL,
  id {bytes} NOT NULL,
  PRIMARY KEY (uid, term)
);
CREATE INDEX stack_terms_names ON stack_terms (term, live, project, id, uid);
CREATE TABLE stack_unindexed (
  uid TEXT PRIMARY KEY
);
CREATE TABLE stack_index_progress (
  after_uid TEXT NOT NULL,
  done INTEGER NOT NULL
);
INSERT INTO stack_index_progress (after_uid, done)
  SELECT '', CASE WHEN EXISTS (SELECT 1 FROM stacks) THEN 0 ELSE 1 END;
{sqlite} CREATE TRIGGER stacks_inserted AFTER INSERT ON stacks WHEN NEW.indexed = 0
  BEGIN $$ INSERT INTO stack_unindexed (uid) VALUES (NEW.uid) ON CONFLICT (uid) DO NOTHING; $$ END;
{sqlite} CREATE TRIGGER stacks_updated AFTER UPDATE ON stacks
  WHEN NEW.indexed = OLD.indexed AND (NEW.body <> OLD.body OR NEW.holds_name <> OLD.holds_name)
  BEGIN $$ INSERT INTO stack_unindexed (uid) VALUES (NEW.uid) ON CONFLICT (uid) DO NOTHING; $$ END;
{sqlite} CREATE TRIGGER stacks_deleted AFTER DELETE ON stacks
  BEGIN $$ INSERT INTO stack_unindexed (uid) VALUES (OLD.uid) ON CONFLICT (uid) DO NOTHING; $$ END;
{postgres} CREATE FUNCTION stacks_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO stack_unindexed (uid) VALUES (OLD.uid) ON CONFLICT (uid) DO NOTHING;
  ELSE
    INSERT INTO stack_unindexed (uid) VALUES (NEW.uid) ON CONFLICT (uid) DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
{postgres} CREATE TRIGGER stacks_inserted AFTER INSERT ON stacks FOR EACH ROW
  WHEN (NEW.indexed = 0) EXECUTE FUNCTION stacks_written();
{postgres} CREATE TRIGGER stacks_updated AFTER UPDATE ON stacks FOR EACH ROW
  WHEN (NEW.indexed = OLD.indexed AND (NEW.body <> OLD.body OR NEW.holds_name <> OLD.holds_name))
  EXECUTE FUNCTION stacks_written();
{postgres} CREATE TRIGGER stacks_deleted AFTER DELETE ON stacks FOR EACH ROW
  EXECUTE FUNCTION stacks_written()
  )sql",
          // Documents, and the states that those of stacks are to be written from.
          R"sql(
CREATE TABLE documents (
  id TEXT PRIMARY KEY,
  stack_uid TEXT NOT NULL,
  digest TEXT NOT NULL,
  pending TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE INDEX documents_digest ON documents (digest);
CREATE INDEX documents_stack ON documents (stack_uid) WHERE stack_uid <> '';
CREATE INDEX documents_pending ON documents (id) WHERE pending <> ''
)sql",
          // What metrics are read from: when a runner took an entry of the queue, and a way to the
          // tasks that expire change requests, of which each that waits has one.
          R"sql(
CREATE INDEX tasks_expire ON tasks (name) WHERE substr(name, 1, 7) = 'expire/';
ALTER TABLE queue ADD COLUMN acquire_micros BIGINT NOT NULL DEFAULT 0
)sql",
          // The traces that work which waits goes on with.
          R"sql(
ALTER TABLE queue ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
ALTER TABLE operations ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN timer INTEGER NOT NULL DEFAULT 0
)sql"};
}

}  // namespace stackyard::stacks
