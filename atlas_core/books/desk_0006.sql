-- desk.db, sixth edition: what is to be erased, and what must not be.

ALTER TABLE submissions ADD COLUMN erased_at INTEGER;

-- One application or one flow whose values somebody wants gone. The worker, or the command where none runs,
-- erases it: done_at is when nothing was left. counts is JSON: what was touched, and what a last look found.
CREATE TABLE erasures (
  erasure_id INTEGER PRIMARY KEY,
  application_id TEXT,
  flow_uuid TEXT,
  asked_by TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  looked_at INTEGER,
  done_at INTEGER,
  counts TEXT CHECK (counts IS NULL OR json_valid(counts)),
  CHECK ((application_id IS NULL) <> (flow_uuid IS NULL))
) STRICT;
CREATE INDEX erasures_open ON erasures (erasure_id) WHERE done_at IS NULL;

-- Applications that are neither erased nor aged, for as long as a law or a dispute asks for them.
CREATE TABLE holds (
  application_id TEXT PRIMARY KEY,
  held_by TEXT NOT NULL,
  held_at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
