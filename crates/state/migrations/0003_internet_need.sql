-- Whether an asset needs the Internet, as people state it; empty: nobody has said.
ALTER TABLE assets ADD COLUMN internet TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN internet_destinations TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN internet_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN internet_protection TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN internet_approved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN internet_until TEXT NOT NULL DEFAULT '';
-- Last time that it did more than announce itself.
ALTER TABLE assets ADD COLUMN last_active BIGINT;
CREATE INDEX assets_by_active ON assets (last_active);
