-- One number of days stood over those of each table. It goes: where somebody had set it, what it did is written into the tables' own numbers
-- (people's deeds and evidence were never under it), so that nothing is let go earlier than before, nor kept longer than was decided.

UPDATE settings SET value = (SELECT value FROM settings WHERE key = 'retention_days'), rev = rev + 1
WHERE key IN ('retention_flow_days', 'retention_activity_days', 'retention_observation_days', 'retention_finding_days', 'retention_health_days', 'retention_log_days')
  AND CAST(value AS BIGINT) > (SELECT CAST(value AS BIGINT) FROM settings WHERE key = 'retention_days');

INSERT INTO settings (key, value, rev, changed_by, changed_at)
SELECT t.key, s.value, 1, s.changed_by, s.changed_at
FROM settings s
CROSS JOIN (
  SELECT 'retention_flow_days' AS key UNION ALL SELECT 'retention_activity_days' UNION ALL SELECT 'retention_observation_days'
  UNION ALL SELECT 'retention_finding_days' UNION ALL SELECT 'retention_health_days' UNION ALL SELECT 'retention_log_days'
) t
WHERE s.key = 'retention_days' AND CAST(s.value AS BIGINT) < 366
  AND NOT EXISTS (SELECT 1 FROM settings own WHERE own.key = t.key);

DELETE FROM settings WHERE key = 'retention_days';
