-- Traffic by zone and hour: the sum of its assets, by the zone in which each stands now. A view, so it is never out of step with the rollups
-- of assets, and made anew with them.

CREATE VIEW zone_hours AS
  SELECT a.zone_now AS zone, h.hour AS hour,
    CAST(SUM(h.packets_out) AS BIGINT) AS packets_out, CAST(SUM(h.packets_in) AS BIGINT) AS packets_in,
    CAST(SUM(h.bytes_out) AS BIGINT) AS bytes_out, CAST(SUM(h.bytes_in) AS BIGINT) AS bytes_in
  FROM assets a JOIN asset_hours h ON h.asset = a.id
  WHERE a.zone_now IS NOT NULL
  GROUP BY a.zone_now, h.hour;
