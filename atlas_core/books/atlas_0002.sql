-- atlas.db, second edition: who called at the door, and the ledger of arrivals at any size.

-- Tokens that the auth address gave out; those of one attempt within one minute are one row.
CREATE TABLE auth_calls (
  auth_call_id INTEGER PRIMARY KEY,
  attempt_id INTEGER NOT NULL REFERENCES attempts (attempt_id),
  minute INTEGER NOT NULL,     -- since 1970
  called_at INTEGER NOT NULL,  -- the first of them
  last_at INTEGER NOT NULL,
  times INTEGER NOT NULL DEFAULT 1 CHECK (times >= 1),
  caller TEXT NOT NULL,        -- the address of the first
  UNIQUE (attempt_id, minute)
) STRICT;
CREATE INDEX auth_calls_newest ON auth_calls (called_at DESC);

-- What was refused: a count for each hour, and nothing of what came.
CREATE TABLE refusals (
  refusal_id INTEGER PRIMARY KEY,
  hour INTEGER NOT NULL,       -- since 1970
  door TEXT NOT NULL CHECK (door IN ('auth', 'callback', 'other')),
  status INTEGER NOT NULL,
  caller TEXT NOT NULL,        -- its address; 'others' beyond the first hundred of an hour
  times INTEGER NOT NULL CHECK (times >= 1),
  last_at INTEGER NOT NULL,
  UNIQUE (hour, door, status, caller)
) STRICT;
CREATE INDEX refusals_newest ON refusals (last_at DESC);

-- How many deliveries of each kind there are, kept by the triggers below: counting millions takes a second.
CREATE TABLE delivery_counts (
  channel TEXT NOT NULL,
  outcome TEXT NOT NULL,
  deliveries INTEGER NOT NULL,
  PRIMARY KEY (channel, outcome)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_counts SELECT channel, outcome, count(*) FROM deliveries GROUP BY channel, outcome;

CREATE TRIGGER delivery_counted AFTER INSERT ON deliveries BEGIN
  INSERT INTO delivery_counts VALUES (new.channel, new.outcome, 1)
    ON CONFLICT (channel, outcome) DO UPDATE SET deliveries = deliveries + 1;
END;

CREATE TRIGGER delivery_counted_anew AFTER UPDATE OF outcome ON deliveries WHEN new.outcome <> old.outcome
BEGIN
  UPDATE delivery_counts SET deliveries = deliveries - 1
    WHERE channel = old.channel AND outcome = old.outcome;
  INSERT INTO delivery_counts VALUES (new.channel, new.outcome, 1)
    ON CONFLICT (channel, outcome) DO UPDATE SET deliveries = deliveries + 1;
END;

CREATE TRIGGER delivery_gone AFTER DELETE ON deliveries BEGIN
  UPDATE delivery_counts SET deliveries = deliveries - 1
    WHERE channel = old.channel AND outcome = old.outcome;
END;

-- Instead of deliveries_open, which no question could use. One expression, so that SQLite takes it only for
-- questions that name it: two columns it would also prefer where a flow or an attempt leads to three rows.
CREATE INDEX deliveries_by_kind ON deliveries (channel || ' ' || outcome, received_at DESC);
DROP INDEX deliveries_open;
CREATE INDEX deliveries_with_reason ON deliveries (received_at DESC) WHERE reason IS NOT NULL;
CREATE INDEX attempts_by_application ON attempts (application_id);
