-- The thresholds people chose and what they judged. Times are milliseconds since 1970, UTC. `who` is what the
-- sign-in knows somebody by.

-- A set of thresholds never changes: another choice is another set.
CREATE TABLE threshold_sets (
  set_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 80),
  thresholds TEXT NOT NULL CHECK (json_valid(thresholds)),
  based_on INTEGER REFERENCES threshold_sets (set_id),
  why TEXT NOT NULL,
  evidence TEXT NOT NULL CHECK (json_valid(evidence)),  -- what verdicts said of it when it was drafted
  drafted_by TEXT NOT NULL,
  drafted_at INTEGER NOT NULL
) STRICT;

-- The newest is in force; before the first, the thresholds of the settings are. To roll back is to adopt an
-- earlier set again.
CREATE TABLE adoptions (
  adoption_id INTEGER PRIMARY KEY,
  set_id INTEGER NOT NULL REFERENCES threshold_sets (set_id),
  why TEXT NOT NULL,
  adopted_by TEXT NOT NULL,
  adopted_at INTEGER NOT NULL
) STRICT;

-- How cases come to be judged; the newest is in force. Shares are 0–1.
CREATE TABLE review_rules (
  rules_id INTEGER PRIMARY KEY,
  strong_share REAL NOT NULL CHECK (strong_share BETWEEN 0 AND 1),    -- of strong passes, judged blind
  unclear_share REAL NOT NULL CHECK (unclear_share BETWEEN 0 AND 1),  -- of unclear ones
  second_share REAL NOT NULL CHECK (second_share BETWEEN 0 AND 1),    -- of decided cases, judged twice
  scores_hidden INTEGER NOT NULL CHECK (scores_hidden IN (0, 1)),     -- in the whole queue
  set_by TEXT NOT NULL,
  set_at INTEGER NOT NULL
) STRICT;

-- Who has a case on the screen, until when nobody else gets it.
CREATE TABLE claims (
  flow_uuid TEXT PRIMARY KEY,
  who TEXT NOT NULL,
  claimed_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_who ON claims (who);

CREATE TABLE assignments (
  flow_uuid TEXT PRIMARY KEY,
  who TEXT NOT NULL,
  assigned_by TEXT NOT NULL,
  assigned_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE case_notes (
  note_id INTEGER PRIMARY KEY,
  flow_uuid TEXT NOT NULL,
  text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
  noted_by TEXT NOT NULL,
  noted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX case_notes_by_flow ON case_notes (flow_uuid);

-- One judgement of one cross-check. It belongs to the result it was made on, and to the thresholds then in
-- force (adoption_id NULL: those of the settings).
CREATE TABLE verdicts (
  verdict_id INTEGER PRIMARY KEY,
  stroke INTEGER NOT NULL,          -- verdicts given by one key share it
  flow_uuid TEXT NOT NULL,
  digest TEXT NOT NULL CHECK (length(digest) = 64),
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  source_doc TEXT NOT NULL,
  source_field_name TEXT NOT NULL,
  target_doc TEXT NOT NULL,
  target_field_name TEXT NOT NULL,
  similarity ANY CHECK (similarity IS NULL OR typeof(similarity) IN ('integer', 'real')),
  pair TEXT NOT NULL CHECK (length(pair) = 64),  -- keyed hash of the two values in their normal form
  verdict TEXT NOT NULL CHECK (verdict IN ('same', 'different', 'cannot tell')),
  reason TEXT NOT NULL,
  drawn TEXT NOT NULL CHECK (drawn IN ('queue', 'lot', 'second')),
  weight REAL NOT NULL CHECK (weight >= 1),      -- for how many cross-checks it stands
  score_shown INTEGER NOT NULL CHECK (score_shown IN (0, 1)),
  adoption_id INTEGER REFERENCES adoptions (adoption_id),
  judged_by TEXT NOT NULL,
  judged_at INTEGER NOT NULL,
  undone_at INTEGER
) STRICT;
CREATE INDEX verdicts_by_flow ON verdicts (flow_uuid, position);
CREATE INDEX verdicts_by_pair ON verdicts (pair);
CREATE INDEX verdicts_by_name ON verdicts (name, judged_at);
CREATE UNIQUE INDEX verdicts_once ON verdicts (flow_uuid, digest, position, judged_by) WHERE undone_at IS NULL;

-- What became of a case. Rows are only added: undoing one is another, of the decision 'undone'.
CREATE TABLE case_decisions (
  decision_id INTEGER PRIMARY KEY,
  flow_uuid TEXT NOT NULL,
  digest TEXT CHECK (digest IS NULL OR length(digest) = 64),  -- NULL: it was decided without any result
  outcome TEXT NOT NULL,            -- the flow's, when it was decided
  decision TEXT NOT NULL CHECK (decision IN (
    'accept', 'reject', 'ask for a new document', 'second person', 'undone')),
  document TEXT NOT NULL,           -- which one is asked for
  reason TEXT NOT NULL,
  adoption_id INTEGER REFERENCES adoptions (adoption_id),
  thresholds TEXT NOT NULL CHECK (json_valid(thresholds)),
  undoes INTEGER REFERENCES case_decisions (decision_id),
  is_second INTEGER NOT NULL CHECK (is_second IN (0, 1)),  -- by the second of two who judge it apart
  decided_by TEXT NOT NULL,
  decided_at INTEGER NOT NULL,
  seconds INTEGER                   -- from the case on the screen to its decision
) STRICT;
CREATE INDEX case_decisions_by_flow ON case_decisions (flow_uuid, decision_id);
CREATE INDEX case_decisions_by_who ON case_decisions (decided_by, decision_id);

-- Cases drawn to be judged once more, by somebody else who does not see the first judgement.
CREATE TABLE second_looks (
  flow_uuid TEXT PRIMARY KEY,
  first_by TEXT NOT NULL,
  drawn_at INTEGER NOT NULL,
  done_at INTEGER
) STRICT, WITHOUT ROWID;

-- What the desk alone knows: the key of its hashes.
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO secrets (name, value) VALUES ('pairs', lower(hex(randomblob(32))));
