-- Every sign is kept, one for each reason: they are weighed when an asset is read, and contradictions are shown.
CREATE TABLE asset_signs (
  asset TEXT NOT NULL REFERENCES assets (id),
  property TEXT NOT NULL,
  value TEXT NOT NULL,
  confidence BIGINT NOT NULL,
  reason TEXT NOT NULL,
  protocol TEXT NOT NULL,
  because_epoch BIGINT NOT NULL,
  because_seq BIGINT NOT NULL,
  PRIMARY KEY (asset, property, reason)
);
INSERT INTO asset_signs (asset, property, value, confidence, reason, protocol, because_epoch, because_seq)
  SELECT asset, property, value, confidence, reason, protocol, because_epoch, because_seq FROM asset_guesses;
DROP TABLE asset_guesses;
ALTER TABLE asset_signs RENAME TO asset_guesses;

-- Decisions of people that two assets are one, or that addresses are another asset; undone ones stay for the record.
CREATE TABLE asset_joins (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,             -- merge or split
  stays TEXT NOT NULL REFERENCES assets (id),
  other TEXT NOT NULL REFERENCES assets (id),
  at BIGINT NOT NULL,
  who TEXT NOT NULL,
  undone_at BIGINT,
  undone_by TEXT NOT NULL,
  before TEXT NOT NULL            -- JSON: what must be put back
);
CREATE INDEX asset_joins_by_stays ON asset_joins (stays);
CREATE INDEX asset_joins_by_other ON asset_joins (other);
