-- Times are nanoseconds since 1970-01-01T00:00Z, yes/no are 0/1, ids are UUIDs as text. {blob} is BLOB or BYTEA.

CREATE TABLE site (
  only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
  id TEXT NOT NULL,
  created BIGINT NOT NULL,
  epoch BIGINT NOT NULL,          -- the vault's epoch that we know of; 0 before the first event
  known_seq BIGINT NOT NULL,      -- the newest event of that epoch that we know of
  writes BIGINT NOT NULL,         -- counted up first in each writing transaction: its row is the lock of all writers
  deeds BIGINT NOT NULL,          -- the last number given to a deed
  time_high BIGINT NOT NULL       -- the highest synchronised time ever told
);

CREATE TABLE settings (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL,
  rev BIGINT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);

CREATE TABLE zones (
  id TEXT NOT NULL PRIMARY KEY,
  rev BIGINT NOT NULL,
  name TEXT NOT NULL,
  folded TEXT NOT NULL UNIQUE,
  layer TEXT NOT NULL,
  ranges TEXT NOT NULL,           -- separated by spaces
  vlans TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);

CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY,
  rev BIGINT NOT NULL,
  name TEXT NOT NULL,
  folded TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,    -- PHC string; empty: no password works
  must_change BIGINT NOT NULL,
  enabled BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  locked_until BIGINT,
  language TEXT NOT NULL,
  theme TEXT NOT NULL,
  created BIGINT NOT NULL,
  last_login BIGINT,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL
);

CREATE TABLE grants (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  place BIGINT NOT NULL,
  role TEXT NOT NULL,
  site TEXT,
  zone TEXT REFERENCES zones (id),
  PRIMARY KEY (user_id, place)
);

CREATE TABLE sessions (
  token_hash TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  csrf TEXT NOT NULL,
  created BIGINT NOT NULL,
  used BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  origin TEXT NOT NULL,
  agent TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Deeds that the vault has not acknowledged.
CREATE TABLE outbox (
  number BIGINT NOT NULL PRIMARY KEY,
  event TEXT NOT NULL
);
