-- Sources' clocks against ours; derived from the vault, one row for each.
CREATE TABLE clocks (
  of_what TEXT NOT NULL PRIMARY KEY,  -- sensor/1, host/7/nas-01, asset/UUID, address/IP
  skew_ms BIGINT,                     -- source minus ours; absent while there is too little to say
  spread_ms BIGINT NOT NULL,
  look TEXT NOT NULL,                 -- plain, unset, or the hours of a zone
  since_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  samples BIGINT NOT NULL
);
-- Which asset asked which time server.
CREATE TABLE time_asks (
  asset TEXT NOT NULL REFERENCES assets (id),
  server TEXT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at BIGINT NOT NULL,
  times BIGINT NOT NULL,
  PRIMARY KEY (asset, server)
);
-- The machine's own clock, as it was looked at last.
CREATE TABLE own_clock (
  only_row BIGINT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  up BIGINT NOT NULL,                 -- CLOCK_BOOTTIME at that moment
  clock TEXT NOT NULL                 -- JSON
);
