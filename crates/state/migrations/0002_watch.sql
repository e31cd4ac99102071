CREATE TABLE consumers (
  name TEXT NOT NULL PRIMARY KEY,
  epoch BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  snapshot_epoch BIGINT,
  snapshot_seq BIGINT,
  snapshot {blob}
);

CREATE TABLE sensors (
  id BIGINT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  shown TEXT NOT NULL,
  kind TEXT NOT NULL,
  rev BIGINT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);

CREATE TABLE assets (
  id TEXT NOT NULL PRIMARY KEY,
  rev BIGINT NOT NULL,
  state TEXT NOT NULL,
  -- what people wrote
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  maker TEXT NOT NULL,
  model_number TEXT NOT NULL,
  serial TEXT NOT NULL,
  software_version TEXT NOT NULL,
  support_end TEXT NOT NULL,
  owner TEXT NOT NULL,
  administrator TEXT NOT NULL,
  place TEXT NOT NULL,
  purpose TEXT NOT NULL,
  zone TEXT REFERENCES zones (id),
  importance TEXT NOT NULL,
  notes TEXT NOT NULL,
  -- what was seen
  first_seen BIGINT,
  last_seen BIGINT,
  because_epoch BIGINT,
  because_seq BIGINT,
  merged_into TEXT REFERENCES assets (id),
  -- derived from the rest, for lists
  label TEXT NOT NULL,
  label_key TEXT NOT NULL,
  kind_now TEXT NOT NULL,
  maker_now TEXT NOT NULL,
  zone_now TEXT REFERENCES zones (id),
  address_key TEXT NOT NULL,
  importance_key BIGINT NOT NULL,
  search TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX assets_by_label ON assets (label_key, id);
CREATE INDEX assets_by_last ON assets (last_seen);
CREATE INDEX assets_by_first ON assets (first_seen);
CREATE INDEX assets_by_zone ON assets (zone_now);
CREATE INDEX assets_by_merge ON assets (merged_into);

CREATE TABLE asset_addresses (
  asset TEXT NOT NULL REFERENCES assets (id),
  sensor BIGINT NOT NULL,
  vlan BIGINT NOT NULL,
  mac TEXT NOT NULL,
  ip TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  by_hand BIGINT NOT NULL,
  PRIMARY KEY (asset, sensor, vlan, mac, ip)
);
CREATE INDEX addresses_by_mac ON asset_addresses (mac, last_at);
CREATE INDEX addresses_by_ip ON asset_addresses (ip, last_at);

CREATE TABLE asset_names (
  asset TEXT NOT NULL REFERENCES assets (id),
  name TEXT NOT NULL,
  protocol TEXT NOT NULL,
  because_epoch BIGINT NOT NULL,
  because_seq BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (asset, name, protocol)
);

CREATE TABLE asset_services (
  asset TEXT NOT NULL REFERENCES assets (id),
  port BIGINT NOT NULL,
  udp BIGINT NOT NULL,
  protocol TEXT NOT NULL,
  product TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (asset, port, udp)
);

CREATE TABLE asset_guesses (
  asset TEXT NOT NULL REFERENCES assets (id),
  property TEXT NOT NULL,
  value TEXT NOT NULL,
  confidence BIGINT NOT NULL,
  reason TEXT NOT NULL,
  protocol TEXT NOT NULL,
  because_epoch BIGINT NOT NULL,
  because_seq BIGINT NOT NULL,
  PRIMARY KEY (asset, property)
);

-- Rollups: derived from the vault, rebuildable.
CREATE TABLE asset_hours (
  asset TEXT NOT NULL REFERENCES assets (id),
  hour BIGINT NOT NULL,
  packets_out BIGINT NOT NULL,
  packets_in BIGINT NOT NULL,
  bytes_out BIGINT NOT NULL,
  bytes_in BIGINT NOT NULL,
  PRIMARY KEY (asset, hour)
);
CREATE TABLE site_hours (
  hour BIGINT NOT NULL PRIMARY KEY,
  packets_out BIGINT NOT NULL,
  packets_in BIGINT NOT NULL,
  bytes_out BIGINT NOT NULL,
  bytes_in BIGINT NOT NULL
);
CREATE TABLE peers (
  client TEXT NOT NULL,
  server TEXT NOT NULL,
  protocol TEXT NOT NULL,
  port BIGINT NOT NULL,
  flows BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  PRIMARY KEY (client, server, protocol, port)
);
CREATE INDEX peers_by_server ON peers (server);
CREATE INDEX peers_by_last ON peers (last_at);

CREATE TABLE coverage (
  sensor BIGINT NOT NULL,
  from_at BIGINT NOT NULL,
  to_at BIGINT NOT NULL,
  quality TEXT NOT NULL,
  packets BIGINT NOT NULL,
  bytes BIGINT NOT NULL,
  kernel_drops BIGINT NOT NULL,
  queue_drops BIGINT NOT NULL,
  decode_errors BIGINT NOT NULL,
  PRIMARY KEY (sensor, from_at)
);
CREATE INDEX coverage_by_end ON coverage (sensor, to_at);

CREATE TABLE findings (
  id TEXT NOT NULL PRIMARY KEY,
  rev BIGINT NOT NULL,
  key TEXT NOT NULL UNIQUE,
  rule TEXT NOT NULL,
  revision BIGINT NOT NULL,
  parameters TEXT NOT NULL,
  severity BIGINT NOT NULL,       -- 0 today … 3 record
  status BIGINT NOT NULL,         -- 0 open … 3 closed
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  ceased_at BIGINT,
  times BIGINT NOT NULL,
  asset TEXT REFERENCES assets (id),
  facts TEXT NOT NULL,
  explanation TEXT NOT NULL,
  explained_until BIGINT,
  reopened BIGINT NOT NULL,
  events_total BIGINT NOT NULL,
  search TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);
CREATE INDEX findings_by_status ON findings (status, severity, last_at);
CREATE INDEX findings_by_last ON findings (last_at);
CREATE INDEX findings_by_asset ON findings (asset);

CREATE TABLE finding_others (
  finding TEXT NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
  place BIGINT NOT NULL,
  asset TEXT NOT NULL REFERENCES assets (id),
  PRIMARY KEY (finding, place)
);
CREATE INDEX finding_others_by_asset ON finding_others (asset);

CREATE TABLE finding_events (
  finding TEXT NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
  epoch BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (finding, epoch, seq)
);

CREATE TABLE finding_history (
  finding TEXT NOT NULL REFERENCES findings (id) ON DELETE CASCADE,
  place BIGINT NOT NULL,
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  before BIGINT,
  after BIGINT NOT NULL,
  note TEXT NOT NULL,
  until BIGINT,
  because_epoch BIGINT,
  because_seq BIGINT,
  PRIMARY KEY (finding, place)
);
CREATE INDEX finding_history_by_time ON finding_history (at);

-- What people did lately, for the front page; the record of it is the vault's.
CREATE TABLE lately (
  number BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  asset TEXT,
  deed TEXT NOT NULL
);
CREATE INDEX lately_by_time ON lately (at);
