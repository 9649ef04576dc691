-- desk.db, first edition: what we said. Times are milliseconds since 1970, UTC.

CREATE TABLE submissions (
  submission_id INTEGER PRIMARY KEY,  -- created_at, or one more than the last where that is later
  application_id TEXT NOT NULL CHECK (length(application_id) BETWEEN 1 AND 64),
  product_type TEXT NOT NULL,
  flow_params TEXT NOT NULL CHECK (json_valid(flow_params)),
  source TEXT NOT NULL CHECK (source IN ('form', 'csv', 'command', 'demo')),
  group_id TEXT,  -- the rows of one CSV
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX submissions_by_application ON submissions (application_id);
CREATE INDEX submissions_by_group ON submissions (group_id);

-- file_url is whole only until the upload is acknowledged and its signature has ended.
CREATE TABLE submission_files (
  submission_id INTEGER NOT NULL REFERENCES submissions (submission_id),
  position INTEGER NOT NULL,
  document_id TEXT NOT NULL,
  url_host TEXT NOT NULL,
  object_name TEXT NOT NULL,
  file_url TEXT,
  ends_at INTEGER NOT NULL,  -- when the signature ends, at most 24 h after created_at
  PRIMARY KEY (submission_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX submission_files_whole ON submission_files (ends_at) WHERE file_url IS NOT NULL;

-- What a person decided where an outcome is unknown.
CREATE TABLE decisions (
  decision_id INTEGER PRIMARY KEY,
  submission_id INTEGER NOT NULL REFERENCES submissions (submission_id),
  attempt_number INTEGER NOT NULL,  -- the attempt it speaks of
  decision TEXT NOT NULL CHECK (decision IN ('start again', 'send files again', 'leave')),
  decided_at INTEGER NOT NULL,
  UNIQUE (submission_id, attempt_number)
) STRICT;

-- Flows a person asked to have looked at now.
CREATE TABLE looks_wanted (
  flow_uuid TEXT PRIMARY KEY,
  wanted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Filters of a page under a name: the address that shows them.
CREATE TABLE saved_views (
  view_id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  address TEXT NOT NULL CHECK (length(address) <= 4000),  -- the query of Results, without its question mark
  is_shared INTEGER NOT NULL CHECK (is_shared IN (0, 1)),
  saved_at INTEGER NOT NULL,
  UNIQUE (owner, name)
) STRICT;
