-- desk.db, second edition: which desk this is, and what the worker was about to call.

CREATE TABLE book (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO book VALUES ('id', lower(hex(randomblob(16))));

-- One row for each attempt, committed before Atlas is called. An atlas.db that lacks what is noted here is
-- older than this desk, or new: from here it learns what was perhaps sent, and which flows it has lost.
CREATE TABLE call_notes (
  submission_id INTEGER NOT NULL,  -- not a reference: a restored desk may lack the submission
  number INTEGER NOT NULL CHECK (number >= 1),
  application_id TEXT NOT NULL,
  product_type TEXT NOT NULL,
  auth_part BLOB CHECK (length(auth_part) = 32),          -- sha256; NULL where it was never given to Atlas
  callback_part BLOB CHECK (length(callback_part) = 32),  -- sha256; NULL where it was never given to Atlas
  noted_at INTEGER NOT NULL,
  flow_uuid TEXT,                  -- from the moment that files were about to be sent to it
  PRIMARY KEY (submission_id, number)
) STRICT, WITHOUT ROWID;
