-- Stocktakes, what was said of each asset in them, and what a list's columns mean. Days are YYYY-MM-DD.

CREATE TABLE stocktakes (
  id TEXT NOT NULL PRIMARY KEY,
  rev BIGINT NOT NULL,
  name TEXT NOT NULL,
  zone TEXT REFERENCES zones (id) ON DELETE SET NULL,  -- only this zone
  zone_name TEXT NOT NULL,        -- as it was called when the stocktake began
  place TEXT NOT NULL,            -- only this place; empty: any
  assignee TEXT NOT NULL,
  due TEXT NOT NULL,
  note TEXT NOT NULL,
  started_by TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  closed_by TEXT NOT NULL,
  closed_at BIGINT,
  close_note TEXT NOT NULL,
  next_due TEXT NOT NULL
);
CREATE INDEX stocktakes_by_start ON stocktakes (started_at);

CREATE TABLE stocktake_entries (
  id TEXT NOT NULL PRIMARY KEY,
  stocktake TEXT NOT NULL REFERENCES stocktakes (id) ON DELETE CASCADE,
  asset TEXT REFERENCES assets (id),   -- none: a thing that the ledger lacks
  rev BIGINT NOT NULL,
  -- as the ledger had it when the stocktake began
  label TEXT NOT NULL,
  kind TEXT NOT NULL,
  place TEXT NOT NULL,
  zone_name TEXT NOT NULL,
  state TEXT NOT NULL,
  network BIGINT NOT NULL,        -- a network device: its ports are asked for
  search TEXT NOT NULL,
  sort_key TEXT NOT NULL,
  -- what was said
  result TEXT NOT NULL,           -- empty: not yet looked for
  note TEXT NOT NULL,
  place_now TEXT NOT NULL,
  console_ports TEXT NOT NULL,
  blocked_ports TEXT NOT NULL,
  unknown_plugs TEXT NOT NULL,
  photo TEXT NOT NULL,            -- SHA-256 of the picture in the vault
  said_by TEXT NOT NULL,
  said_at BIGINT,                 -- by the phone's clock where it was offline
  received_at BIGINT,
  UNIQUE (stocktake, asset)
);
CREATE INDEX stocktake_entries_by_order ON stocktake_entries (stocktake, sort_key, id);
CREATE INDEX stocktake_entries_by_asset ON stocktake_entries (asset);

-- What phones sent, by the id that the phone gave it: the same id is answered the same and never counts twice.
CREATE TABLE stocktake_ticks (
  id TEXT NOT NULL PRIMARY KEY,
  stocktake TEXT NOT NULL REFERENCES stocktakes (id) ON DELETE CASCADE,
  entry TEXT NOT NULL REFERENCES stocktake_entries (id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  outcome TEXT NOT NULL,          -- saved, conflict, taken, dropped
  rev BIGINT NOT NULL,            -- of the entry, afterwards
  body TEXT NOT NULL,             -- what was said, while it is a conflict
  said_by TEXT NOT NULL,
  received_at BIGINT NOT NULL
);
CREATE INDEX stocktake_ticks_by_entry ON stocktake_ticks (entry, outcome);
CREATE INDEX stocktake_ticks_by_outcome ON stocktake_ticks (stocktake, outcome);

-- What the columns of a list mean, by the signature of its header line.
CREATE TABLE import_mappings (
  signature TEXT NOT NULL PRIMARY KEY,
  columns TEXT NOT NULL,          -- JSON: [[header, field], ...]
  used_at BIGINT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);
