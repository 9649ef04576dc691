-- atlas.db, sixth edition: what was erased, and stays so.

-- From then on a flow has no values, and results that come later are kept without theirs.
ALTER TABLE flows ADD COLUMN erased_at INTEGER;
ALTER TABLE attempts ADD COLUMN erased_at INTEGER;

-- A flow that becomes known only after its attempt was erased is erased from the beginning.
CREATE TRIGGER flow_of_an_erased_attempt AFTER UPDATE OF flow_id ON attempts
WHEN new.erased_at IS NOT NULL AND new.flow_id IS NOT NULL
BEGIN
  UPDATE flows SET erased_at = new.erased_at WHERE flow_id = new.flow_id AND erased_at IS NULL;
END;

CREATE INDEX flows_erased ON flows (erased_at, flow_id) WHERE erased_at IS NOT NULL;
