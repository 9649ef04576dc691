-- What became of what people asked to have read again, and what the worker raises an alert about.

-- Of each delivery of a replay; replay_id is desk.db's. One transaction with what it changed.
CREATE TABLE replay_outcomes (
  replay_id INTEGER NOT NULL,
  delivery_id INTEGER NOT NULL,
  came TEXT NOT NULL CHECK (came IN (
    'taken up', 'nothing changed', 'still unreadable', 'not kept', 'not there')),
  outcome TEXT,       -- the delivery's, after it
  replayed_at INTEGER NOT NULL,
  PRIMARY KEY (replay_id, delivery_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_outcomes_by_delivery ON replay_outcomes (delivery_id, replayed_at DESC);

-- When what an alarm tells of happened last: who dismissed it before sees it again.
ALTER TABLE alarms ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;
UPDATE alarms SET last_at = raised_at;

-- One row for each case of a rule, from when it was so to when it was no longer. Never a value: ids and counts.
CREATE TABLE alerts (
  alert_id INTEGER PRIMARY KEY,
  rule TEXT NOT NULL,
  subject TEXT NOT NULL,    -- of several cases of one rule, which
  words TEXT NOT NULL,
  cases INTEGER NOT NULL,
  raised_at INTEGER NOT NULL,
  cleared_at INTEGER,
  told_at INTEGER,          -- when the webhook took it
  told_cleared_at INTEGER   -- when the webhook took that it is over
) STRICT;
CREATE UNIQUE INDEX alerts_raised ON alerts (rule, subject) WHERE cleared_at IS NULL;
CREATE INDEX alerts_end_untold ON alerts (alert_id)
  WHERE told_at IS NOT NULL AND cleared_at IS NOT NULL AND told_cleared_at IS NULL;
