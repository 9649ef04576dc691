-- Who is signed in: a sign-in ends when people leave, and not only when a cookie does.
CREATE TABLE sign_ins (
  sign_in TEXT PRIMARY KEY CHECK (length(sign_in) = 64),  -- a hash, from which no cookie can be made
  who TEXT NOT NULL,
  began_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  ended_at INTEGER,
  ended_why TEXT CHECK (ended_why IN ('signed out', 'idle', 'ten hours', 'ended by the provider')),
  CHECK ((ended_at IS NULL) = (ended_why IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_seen ON sign_ins (seen_at);
