-- Who did what, and why: never what a document says. Rows are only ever added; each holds the hash of the one
-- before, so that a row that was changed or taken out shows (audit.py).
CREATE TABLE audit (
  entry_id INTEGER PRIMARY KEY,  -- 1, 2, 3 … without a gap
  acted_at INTEGER NOT NULL,
  who TEXT NOT NULL,
  roles TEXT NOT NULL,
  session TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,         -- which flow, application, set of thresholds, …
  reason TEXT NOT NULL,
  detail TEXT NOT NULL CHECK (json_valid(detail)),
  previous TEXT NOT NULL CHECK (length(previous) = 64),
  hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64)
) STRICT;
CREATE INDEX audit_by_who ON audit (who, entry_id);
CREATE INDEX audit_by_action ON audit (action, entry_id);
CREATE INDEX audit_by_subject ON audit (subject, entry_id);

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN
  SELECT raise(ABORT, 'the audit log is never changed');
END;

CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN
  SELECT raise(ABORT, 'the audit log is never shortened');
END;
