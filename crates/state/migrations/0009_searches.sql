-- Searches that people kept for themselves.

CREATE TABLE searches (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  query TEXT NOT NULL,            -- what stands behind the ? of its address
  created BIGINT NOT NULL,
  UNIQUE (user_id, name)
);
