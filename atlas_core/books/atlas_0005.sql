-- Outcomes by thresholds of each check's own, and what was drawn to be judged blind.

-- Cross-checks of the result that counts below their review thresholds.
ALTER TABLE flows ADD COLUMN low_checks INTEGER NOT NULL DEFAULT 0;
UPDATE flows SET low_checks = (
  SELECT count(*) FROM cross_checks c WHERE c.result_id = flows.result_id AND c.similarity_score <
    coalesce((SELECT CAST(value AS REAL) FROM book WHERE key = 'review_below'), 70))
WHERE result_id IS NOT NULL AND min_similarity <
  coalesce((SELECT CAST(value AS REAL) FROM book WHERE key = 'review_below'), 70);

-- Each flow that other thresholds moved. adoption_id is desk.db's; NULL: the settings changed.
CREATE TABLE outcome_changes (
  change_id INTEGER PRIMARY KEY,
  flow_id INTEGER NOT NULL REFERENCES flows (flow_id),
  adoption_id INTEGER,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX outcome_changes_by_flow ON outcome_changes (flow_id);
CREATE INDEX outcome_changes_by_adoption ON outcome_changes (adoption_id);

-- Passing cross-checks that were drawn: each stands for 1 ÷ share of those like it.
CREATE TABLE lots (
  lot_id INTEGER PRIMARY KEY,
  flow_id INTEGER NOT NULL REFERENCES flows (flow_id),
  result_id INTEGER NOT NULL REFERENCES results (result_id),
  position INTEGER NOT NULL,
  share REAL NOT NULL CHECK (share > 0 AND share <= 1),
  drawn_at INTEGER NOT NULL,
  UNIQUE (result_id, position)
) STRICT;
CREATE INDEX lots_by_flow ON lots (flow_id);
