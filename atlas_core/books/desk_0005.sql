-- What people want read again, and what they have seen and set aside. Times are milliseconds since 1970, UTC.

-- Deliveries somebody wants taken up once more. What became of each, atlas.db knows.
CREATE TABLE replays (
  replay_id INTEGER PRIMARY KEY,  -- asked_at, or one more than the last where that is later
  asked_by TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'done')),
  done_at INTEGER
) STRICT;
CREATE INDEX replays_wanted ON replays (replay_id) WHERE state = 'wanted';

CREATE TABLE replay_deliveries (
  replay_id INTEGER NOT NULL REFERENCES replays (replay_id),
  delivery_id INTEGER NOT NULL,   -- atlas.db's
  PRIMARY KEY (replay_id, delivery_id)
) STRICT, WITHOUT ROWID;

-- The newest of each subject; the earlier ones are in the audit log. It covers what happened until then.
CREATE TABLE dismissals (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  dismissed_by TEXT NOT NULL,
  dismissed_at INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
