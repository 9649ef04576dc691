-- atlas.db, first edition: what Atlas said. Times are milliseconds since 1970, UTC.

CREATE TABLE book (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One try to bring a submission (desk.db) to Atlas; written before the call it tells of.
CREATE TABLE attempts (
  attempt_id INTEGER PRIMARY KEY,
  submission_id INTEGER NOT NULL,
  number INTEGER NOT NULL CHECK (number >= 1),
  application_id TEXT NOT NULL,
  product_type TEXT NOT NULL,
  auth_part TEXT NOT NULL UNIQUE CHECK (length(auth_part) = 64),         -- sha256 of the path part
  callback_part TEXT NOT NULL UNIQUE CHECK (length(callback_part) = 64), -- sha256 of the path part
  state TEXT NOT NULL CHECK (state IN (
    'init sent', 'initialised', 'upload sent', 'uploaded',
    'not sent', 'refused', 'init unknown', 'upload unknown')),
  flow_id INTEGER REFERENCES flows (flow_id),
  started_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  next_try_at INTEGER,
  reason TEXT,
  UNIQUE (submission_id, number)
) STRICT;
CREATE INDEX attempts_by_flow ON attempts (flow_id);
CREATE INDEX attempts_open ON attempts (state) WHERE state <> 'uploaded';

CREATE TABLE flows (
  flow_id INTEGER PRIMARY KEY,
  flow_uuid TEXT NOT NULL UNIQUE CHECK (length(flow_uuid) BETWEEN 8 AND 64),
  application_id TEXT NOT NULL,
  product_type TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  upload_status TEXT,
  processing_status TEXT,
  crosscheck_status TEXT,
  master_status TEXT,
  outcome TEXT NOT NULL DEFAULT 'running'
    CHECK (outcome IN ('running', 'clear', 'review', 'failed', 'unknown')),
  result_id INTEGER REFERENCES results (result_id),  -- the newest version that counts
  documents INTEGER,
  document_errors INTEGER,
  checks INTEGER,
  min_similarity ANY CHECK (min_similarity IS NULL OR typeof(min_similarity) IN ('integer', 'real')),
  review_flags INTEGER NOT NULL DEFAULT 0,
  dealer TEXT,           -- as the delivery order names it, or else the invoice
  quality_flag TEXT,     -- what the PAN card is a picture of
  watched INTEGER NOT NULL DEFAULT 1 CHECK (watched IN (0, 1)),  -- 1 until ended and confirmed
  looked_at INTEGER,     -- the last answered look
  ended_at INTEGER,      -- the first look (or callback) that showed a terminal master status
  confirmed_at INTEGER,  -- the first GET /extracts after the end
  trouble TEXT           -- why the watcher gave up or slowed down; NULL where all is well
) STRICT;
CREATE INDEX flows_by_application ON flows (application_id);
CREATE INDEX flows_newest ON flows (created_at DESC, flow_id DESC);
CREATE INDEX flows_by_outcome ON flows (outcome, created_at DESC, flow_id DESC);
CREATE INDEX flows_watched ON flows (flow_id) WHERE watched = 1;
CREATE INDEX flows_unfinished ON flows (created_at)  -- a result came, but the cross-checks never ended
  WHERE outcome = 'review' AND master_status = 'SUCCESS' AND crosscheck_status IN ('NOT_STARTED', 'PENDING');

CREATE TABLE batches (
  flow_id INTEGER NOT NULL REFERENCES flows (flow_id),
  batch_id TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  PRIMARY KEY (flow_id, batch_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_by_id ON batches (batch_id);

CREATE TABLE files (
  flow_id INTEGER NOT NULL REFERENCES flows (flow_id),
  position INTEGER NOT NULL,
  batch_id TEXT,
  file_uuid TEXT,
  document_id TEXT,
  url_host TEXT,
  object_name TEXT,
  PRIMARY KEY (flow_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX files_by_uuid ON files (file_uuid);
CREATE INDEX files_by_document_id ON files (document_id);

-- The interval in which a stage came to a status: after the look at not_before, by the look at seen_at.
CREATE TABLE status_changes (
  flow_id INTEGER NOT NULL REFERENCES flows (flow_id),
  stage TEXT NOT NULL CHECK (stage IN ('upload', 'processing', 'crosscheck', 'master')),
  seen_at INTEGER NOT NULL,
  not_before INTEGER,
  status TEXT NOT NULL,
  PRIMARY KEY (flow_id, stage, seen_at)
) STRICT, WITHOUT ROWID;

-- The ledger of arrivals. body: the masked canonical payload, zlib; NULL where an earlier one holds it.
CREATE TABLE deliveries (
  delivery_id INTEGER PRIMARY KEY,
  flow_id INTEGER REFERENCES flows (flow_id),
  attempt_id INTEGER REFERENCES attempts (attempt_id),
  claimed_flow_uuid TEXT,
  channel TEXT NOT NULL CHECK (channel IN ('callback', 'extracts')),
  received_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  times_seen INTEGER NOT NULL DEFAULT 1 CHECK (times_seen >= 1),
  digest TEXT NOT NULL CHECK (length(digest) = 64),
  size INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN (
    'waiting', 'provisional', 'confirmed', 'confirms', 'contradicted', 'late',
    'orphan', 'mismatch', 'dead letter')),
  reason TEXT,
  body BLOB
) STRICT;
CREATE INDEX deliveries_by_flow ON deliveries (flow_id, delivery_id);
CREATE INDEX deliveries_newest ON deliveries (received_at DESC);
CREATE INDEX deliveries_open ON deliveries (outcome) WHERE outcome IN ('waiting', 'orphan', 'mismatch', 'dead letter');
CREATE UNIQUE INDEX deliveries_callback_once ON deliveries (attempt_id, digest) WHERE channel = 'callback';
CREATE UNIQUE INDEX deliveries_extracts_once ON deliveries (flow_id, digest) WHERE channel = 'extracts';

CREATE TABLE results (
  result_id INTEGER PRIMARY KEY,
  flow_id INTEGER NOT NULL REFERENCES flows (flow_id),
  version INTEGER NOT NULL CHECK (version >= 1),
  delivery_id INTEGER NOT NULL REFERENCES deliveries (delivery_id),  -- its body is the payload
  digest TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
  documents INTEGER,        -- NULL: the list was not delivered
  document_errors INTEGER,
  checks INTEGER,           -- NULL: the list was not delivered
  min_similarity ANY,
  review_flags INTEGER NOT NULL,
  dealer TEXT,
  quality_flag TEXT,
  UNIQUE (flow_id, version)
) STRICT;

CREATE TABLE documents (
  result_id INTEGER NOT NULL REFERENCES results (result_id),
  position INTEGER NOT NULL,
  document_id TEXT NOT NULL,
  document_type TEXT,
  error_code TEXT NOT NULL,
  error_reason TEXT NOT NULL,
  file_uuid TEXT,
  batch_id TEXT,
  PRIMARY KEY (result_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX documents_by_id ON documents (document_id);

CREATE TABLE fields (
  result_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  name TEXT NOT NULL,
  value ANY,
  -- Not IN (...): SQLite builds that list anew for each row, half as dear again for a whole result.
  shape TEXT NOT NULL CHECK (shape = 'text' OR shape = 'number' OR shape = 'null' OR shape = 'empty'
    OR shape = 'list' OR shape = 'object' OR shape = 'boolean'),
  confidence REAL CHECK (confidence BETWEEN 0 AND 1),
  confidence_raw TEXT,
  PRIMARY KEY (result_id, position, ordinal),
  FOREIGN KEY (result_id, position) REFERENCES documents (result_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE cross_checks (
  result_id INTEGER NOT NULL REFERENCES results (result_id),
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  source_doc TEXT NOT NULL,
  source_field_name TEXT NOT NULL,
  source_value TEXT NOT NULL,
  source_confidence REAL,   -- of the field that was compared, the lowest where several documents have it
  target_doc TEXT NOT NULL,
  target_field_name TEXT NOT NULL,
  target_value TEXT NOT NULL,
  target_confidence REAL,
  similarity_score ANY CHECK (similarity_score IS NULL
    OR (typeof(similarity_score) IN ('integer', 'real') AND similarity_score BETWEEN 0 AND 100)),
  similarity_raw TEXT,
  PRIMARY KEY (result_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE flags (
  result_id INTEGER NOT NULL REFERENCES results (result_id),
  ordinal INTEGER NOT NULL,
  kind TEXT NOT NULL,
  place TEXT NOT NULL,
  raw TEXT NOT NULL,
  PRIMARY KEY (result_id, ordinal)
) STRICT, WITHOUT ROWID;

-- What a person should know of: another flow's news on this one's path, an answer about a stranger.
CREATE TABLE alarms (
  alarm_id INTEGER PRIMARY KEY,
  raised_at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  flow_id INTEGER REFERENCES flows (flow_id),
  attempt_id INTEGER REFERENCES attempts (attempt_id),
  sentence TEXT NOT NULL
) STRICT;
CREATE INDEX alarms_by_flow ON alarms (flow_id);

CREATE TABLE receiver_tokens (
  token_hash TEXT PRIMARY KEY CHECK (length(token_hash) = 64),
  attempt_id INTEGER NOT NULL REFERENCES attempts (attempt_id),
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX receiver_tokens_by_end ON receiver_tokens (expires_at);

-- How the worker and Atlas are: name is 'worker' (seen_at is its heartbeat) or 'atlas'.
CREATE TABLE worker_state (
  name TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  since INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  sentence TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- Flows whose row in the column mirror (columns.py) is behind, in the order in which they changed.
CREATE TABLE mirror_queue (
  change_id INTEGER PRIMARY KEY,
  flow_id INTEGER NOT NULL
) STRICT;

CREATE TRIGGER mirror_flow_inserted AFTER INSERT ON flows BEGIN
  INSERT INTO mirror_queue (flow_id) VALUES (new.flow_id);
END;

CREATE TRIGGER mirror_flow_deleted AFTER DELETE ON flows BEGIN
  INSERT INTO mirror_queue (flow_id) VALUES (old.flow_id);
END;

CREATE TRIGGER mirror_flow_updated AFTER UPDATE ON flows
WHEN new.result_id IS NOT old.result_id OR new.outcome <> old.outcome
  OR new.master_status IS NOT old.master_status OR new.crosscheck_status IS NOT old.crosscheck_status
  OR new.processing_status IS NOT old.processing_status OR new.upload_status IS NOT old.upload_status
  OR new.ended_at IS NOT old.ended_at OR new.confirmed_at IS NOT old.confirmed_at
  OR new.review_flags <> old.review_flags OR new.product_type <> old.product_type
  OR new.created_at <> old.created_at
BEGIN
  INSERT INTO mirror_queue (flow_id) VALUES (new.flow_id);
END;

-- Words in any field: what Atlas read and compared, of the result that counts of each flow. Its text is taken
-- from the (masked) rows below at the moment a result begins or ceases to count, so those rows must outlive
-- that moment: take a result from its flow before you delete its fields. See words.py for what a deletion
-- leaves behind.
CREATE VIEW flow_words AS
SELECT f.flow_id,
       coalesce((SELECT group_concat(value, ' ') FROM fields
                 WHERE result_id = f.result_id AND shape IN ('text', 'number', 'list', 'object')), '')
       || ' ' ||
       coalesce((SELECT group_concat(source_value || ' ' || target_value, ' ') FROM cross_checks
                 WHERE result_id = f.result_id), '') AS body
FROM flows f WHERE f.result_id IS NOT NULL;

CREATE VIRTUAL TABLE words USING fts5(
  body, content='flow_words', content_rowid='flow_id', detail=none, prefix='2 3 4',
  tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'");

CREATE TRIGGER words_of_a_result_that_ceases_to_count BEFORE UPDATE OF result_id ON flows
WHEN old.result_id IS NOT NULL AND new.result_id IS NOT old.result_id
BEGIN
  DELETE FROM words WHERE rowid = old.flow_id;
END;

CREATE TRIGGER words_of_a_result_that_counts AFTER UPDATE OF result_id ON flows
WHEN new.result_id IS NOT NULL AND new.result_id IS NOT old.result_id
BEGIN
  INSERT INTO words (rowid, body) SELECT flow_id, body FROM flow_words WHERE flow_id = new.flow_id;
END;

-- The public read surface: the newest result of each flow, under stable names.

CREATE VIEW flows_v AS
SELECT f.flow_uuid, f.application_id, f.product_type,
       strftime('%Y-%m-%dT%H:%M:%fZ', f.created_at / 1000.0, 'unixepoch') AS created_at,
       f.upload_status, f.processing_status, f.crosscheck_status AS crossheck_status, f.master_status,
       f.outcome, f.documents, f.document_errors, f.checks, f.min_similarity, r.version AS result_version
FROM flows f LEFT JOIN results r ON r.result_id = f.result_id;

CREATE VIEW files_v AS
SELECT f.flow_uuid, s.batch_id, s.file_uuid, s.document_id
FROM files s JOIN flows f ON f.flow_id = s.flow_id;

CREATE VIEW documents_v AS
SELECT f.flow_uuid, d.position, d.document_id, d.document_type, d.error_code, d.error_reason
FROM flows f JOIN documents d ON d.result_id = f.result_id;

CREATE VIEW fields_v AS
SELECT f.flow_uuid, v.position, d.document_type, v.name, v.value, v.confidence
FROM flows f
JOIN documents d ON d.result_id = f.result_id
JOIN fields v ON v.result_id = d.result_id AND v.position = d.position;

CREATE VIEW cross_checks_v AS
SELECT f.flow_uuid, c.position, c.name, c.source_doc, c.source_field_name, c.source_value,
       c.target_doc, c.target_field_name, c.target_value, c.similarity_score
FROM flows f JOIN cross_checks c ON c.result_id = f.result_id;

CREATE VIEW deliveries_v AS
SELECT f.flow_uuid, d.channel,
       strftime('%Y-%m-%dT%H:%M:%fZ', d.received_at / 1000.0, 'unixepoch') AS received_at,
       d.digest, d.times_seen, d.outcome
FROM deliveries d LEFT JOIN flows f ON f.flow_id = d.flow_id;
