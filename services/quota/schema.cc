#include "services/quota/schema.h"

namespace stackyard::quota {

// A user column of '' stands for the project as a whole. Times are microseconds.
const Migrations& Schema() {
  static const Migrations kSchema = {R"sql(
CREATE TABLE metrics (
  id TEXT PRIMARY KEY,
  unit TEXT NOT NULL,
  display_name TEXT NOT NULL,
  default_limit BIGINT NOT NULL
);
INSERT INTO metrics (id, unit, display_name, default_limit) VALUES
  ('stacks', 'stack', 'Stacks', 20),
  ('resources', 'resource', 'Resources', 1000),
  ('instances', 'instance', 'Instances', 10),
  ('vcpu', 'vCPU', 'Virtual CPUs', 32),
  ('volume_gib', 'GiB', 'Volumes', 500),
  ('buckets', 'bucket', 'Buckets', 20),
  ('objects', 'object', 'Objects', 100),
  ('clusters', 'cluster', 'Clusters', 1),
  ('nodes', 'node', 'Cluster nodes', 5);

CREATE TABLE limits (
  project TEXT NOT NULL,
  id TEXT NOT NULL,
  metric TEXT NOT NULL REFERENCES metrics (id),
  usr TEXT NOT NULL,
  value BIGINT NOT NULL,
  update_time BIGINT NOT NULL,
  PRIMARY KEY (project, id)
);

CREATE TABLE grants (
  project TEXT NOT NULL,
  id TEXT NOT NULL,
  metric TEXT NOT NULL REFERENCES metrics (id),
  usr TEXT NOT NULL,
  value BIGINT NOT NULL,
  start_time BIGINT NOT NULL,
  end_time BIGINT NOT NULL,
  reason TEXT NOT NULL,
  change_request TEXT NOT NULL,
  create_time BIGINT NOT NULL,
  PRIMARY KEY (project, id)
);
CREATE INDEX grants_by_end ON grants (project, end_time);
CREATE INDEX grants_by_age ON grants (create_time, project, id);

CREATE TABLE reservations (
  project TEXT NOT NULL,
  id TEXT NOT NULL,
  state INTEGER NOT NULL,
  usr TEXT NOT NULL,
  holder TEXT NOT NULL,
  start_time BIGINT NOT NULL,
  end_time BIGINT NOT NULL,
  expire_time BIGINT NOT NULL,
  supersedes TEXT NOT NULL,
  over_reserved INTEGER NOT NULL,
  expired INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  create_time BIGINT NOT NULL,
  update_time BIGINT NOT NULL,
  PRIMARY KEY (project, id)
);
CREATE INDEX reservations_held ON reservations (project, end_time) WHERE state <> 3;
CREATE INDEX reservations_pending ON reservations (expire_time) WHERE state = 1;
CREATE INDEX reservations_by_age ON reservations (create_time, project, id);

CREATE TABLE holds (
  project TEXT NOT NULL,
  reservation TEXT NOT NULL,
  metric TEXT NOT NULL REFERENCES metrics (id),
  reserved BIGINT NOT NULL,
  amount BIGINT NOT NULL,
  admitted BIGINT NOT NULL,
  PRIMARY KEY (project, reservation, metric),
  FOREIGN KEY (project, reservation) REFERENCES reservations (project, id)
);

-- One row per project and metric that somebody changed. Its version moves on with every change
-- of what is held or allowed, and updating it is what makes deciders take turns.
CREATE TABLE versions (
  project TEXT NOT NULL,
  metric TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (project, metric)
);

CREATE TABLE replays (
  caller TEXT NOT NULL,
  request_id TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  answer TEXT NOT NULL,
  expire_time BIGINT NOT NULL,
  PRIMARY KEY (caller, request_id)
);
CREATE INDEX replays_by_expiry ON replays (expire_time)
)sql",
                                     R"sql(
-- What changed with each version of a metric, so that a replica that knows an older one catches up
-- without reading reservations. A version without a row, or one that was trimmed, makes it read
-- them. A metric of '' in `versions` is the project as a whole.
CREATE TABLE capacity_log (
  project TEXT NOT NULL,
  metric TEXT NOT NULL,
  version BIGINT NOT NULL,
  changes TEXT NOT NULL,
  PRIMARY KEY (project, metric, version)
);
CREATE INDEX reservations_superseding ON reservations (project, supersedes)
  WHERE state = 1 AND supersedes <> ''
)sql"};
  return kSchema;
}

}  // namespace stackyard::quota
